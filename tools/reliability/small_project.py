"""A small project, and runs in it that can be killed: one recipe, three short clips, and what a run leaves."""

import json
import os
import subprocess
import sys
import time
import uuid
from pathlib import Path

MANIFEST = """
calibrate:
  - {name: tone, kind: tones, notes: [57, 64], note_s: 0.4, gap_s: 0.2, harmonics: 8, level_dbfs: -20}
score:
  - {name: vibrato, kind: vibrato, notes: [[60, 5, 50]], note_s: 1.2, gap_s: 0.2, harmonics: 12, level_dbfs: -20}
  - {name: silence, kind: silence, duration_s: 0.3}
"""
RECIPE = {
    "description": "Killed and resumed",
    "sample_rate_hz": 16_000,
    "chunk_samples": 320,
    "mirror": 1,
    "scoring": {"min_voiced_frames": 20},
    "gates": {"deviation.pitch.p95_cents": "<= 1"},
    "speed": {"rounds": 3, "chunks_per_round": 5, "warmup_chunks": 2},
}
COMMAND = [sys.executable, "-m", "workbench", "run", "r.yaml", "--out", "out"]
TORCH_CACHE_PREFIX = "torchinductor_"  # torch creates this folder for its compiler and leaves it empty
MARK = "WORKBENCH_KILLED"  # in the environment of every process that a run starts
ENDED = (0, 3)  # on a busy machine the timing of a passing run may be inconclusive


def project(folder: Path, **keys: object) -> Path:
    """Writes the recipe and the manifest of clips. Returns the folder."""
    (folder / "calib_audio").mkdir(parents=True)
    (folder / "calib_audio" / "manifest.yaml").write_text(MANIFEST)
    (folder / "r.yaml").write_text(json.dumps({**RECIPE, **keys}))
    return folder


def run(folder: Path, kill_after_s: float | None = None) -> tuple[str, float, int]:
    """Runs the command in that folder. Returns its stderr, its time in seconds and its exit code."""
    mark = uuid.uuid4().hex
    begin = time.monotonic()
    with (folder / "stderr").open("wb") as stderr:
        process = subprocess.Popen(
            COMMAND,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            env={
                **os.environ,
                MARK: mark,
                "TMPDIR": str(folder / "tmp"),
                "WORKBENCH_CACHE": str(folder / "cache"),
                "OMP_NUM_THREADS": "1",
            },
        )
        try:
            process.wait(kill_after_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    took_s = time.monotonic() - begin
    until = time.monotonic() + 20
    while (alive := marked(mark)) and time.monotonic() < until:
        time.sleep(0.1)
    return (
        (folder / "stderr").read_text() + "".join(f"left alive: {name}\n" for name in alive),
        took_s,
        process.returncode,
    )


def marked(mark: str) -> list[str]:
    """Returns the command lines of the processes that have the mark in their environment, except zombies."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip() or "a zombie")
        except OSError:
            continue
    return [name for name in found if name != "a zombie"]


def visible(folder: Path) -> dict[str, bytes]:
    """Returns the files of a variant's folder that are not hidden, by relative path."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    named = {path.relative_to(folder).as_posix(): path for path in paths}
    return {name: path.read_bytes() for name, path in sorted(named.items()) if not name.startswith(".")}
