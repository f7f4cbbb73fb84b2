"""Runs killed at random moments, and gone on with: by hand, for what a test is too short for.

    python -m tools.reliability.kill_and_resume --moments 20 [--seed 0] [--out FILE.json]

Each run has a project of its own: one small recipe, three short clips. Every second one begins over the record of
another recipe of the same name. It is sent SIGKILL at a moment drawn evenly from an uninterrupted run's time; then
- what is seen in its folder is all files of the earlier record, or all of the new one's, or no record;
- no process of it is left;
- the same command goes on, and ends with the record and files of the uninterrupted run, but for the times, and with
  nothing else in the folder.
"""

import argparse
import functools
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from tools.docs.reliability import run_here
from workbench.audit.verdict import judge_result
from workbench.recipe import gates_of
from workbench.records.result import Result, read_record

MANIFEST = """
calibrate:
  - {name: tone, kind: tones, notes: [57, 64], note_s: 0.4, gap_s: 0.2, harmonics: 8, level_dbfs: -20}
score:
  - {name: vibrato, kind: vibrato, notes: [[60, 5, 50]], note_s: 1.2, gap_s: 0.2, harmonics: 12, level_dbfs: -20}
  - {name: silence, kind: silence, duration_s: 0.3}
"""
RECIPE = {
    "description": "Killed and gone on with",
    "sample_rate_hz": 16_000,
    "chunk_samples": 320,
    "mirror": 1,
    "scoring": {"min_voiced_frames": 20},
    "gates": {"deviation.pitch.p95_cents": "<= 1"},
    "speed": {"rounds": 3, "chunks_per_round": 5, "warmup_chunks": 2},
}
COMMAND = [sys.executable, "-m", "workbench", "run", "r.yaml", "--out", "out"]
TORCHS_OWN = "torchinductor_"  # a folder that torch makes for its compiler and leaves empty
STAGE = re.compile(r"import|model|audio|render .*|.+ \(\d+ of \d+\): .+")  # a line of progress; libraries warn too
MARK = "WORKBENCH_KILLED"  # in the environment of everything that a run starts
ENDED = (0, 3)  # a busy machine may make a pass inconclusive


@dataclass(frozen=True)
class Kill:
    """One run that was killed, and what was found; `wrong` is empty where all is as it should be."""

    after_s: float
    over_an_earlier_record: bool
    stage: str  # the last one that the run told of; "" was not kept
    found: str  # which record there was after the kill: none, the earlier, the new
    resumed_s: float
    reused: str
    wrong: tuple[str, ...]


def project(folder: Path, **keys: object) -> Path:
    """A folder to run in."""
    (folder / "calib_audio").mkdir(parents=True)
    (folder / "calib_audio" / "manifest.yaml").write_text(MANIFEST)
    (folder / "r.yaml").write_text(json.dumps({**RECIPE, **keys}))
    return folder


def run(folder: Path, kill_after_s: float | None = None) -> tuple[str, float, int]:
    """The command in that folder; returns what it told on stderr, how long it took, and its exit code."""
    mark = uuid.uuid4().hex
    begin = time.monotonic()
    with (folder / "told").open("wb") as told:
        process = subprocess.Popen(
            COMMAND,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=told,
            env={**os.environ, MARK: mark, "TMPDIR": str(folder / "tmp"), "OMP_NUM_THREADS": "1"},
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
    told_text = (folder / "told").read_text()
    return told_text + "".join(f"left alive: {name}\n" for name in alive), took_s, process.returncode


def marked(mark: str) -> list[str]:
    """The command lines of the processes with that mark in their environment."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (place / "environ").read_bytes():
                found.append((place / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip() or "a zombie")
        except OSError:
            continue
    return [name for name in found if name != "a zombie"]


def visible(folder: Path) -> dict[str, bytes]:
    """The files of a variant's folder that are not hidden."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    named = {path.relative_to(folder).as_posix(): path for path in paths}
    return {name: path.read_bytes() for name, path in sorted(named.items()) if not name.startswith(".")}


def without_times(record: Result, like: Result) -> Result:
    """The record as if it had been made when `like` was, on a machine as busy."""
    program = record.program
    if program and program.calibration and like.program and like.program.calibration:
        took_s = like.program.calibration.took_s
        program = program.model_copy(update={"calibration": program.calibration.model_copy(update={"took_s": took_s})})
    same = {"created": like.created, "seconds": like.seconds, "speed": like.speed, "program": program}
    asked = record.recipe.resolved
    return judge_result(record.model_copy(update=same), gates_of(asked["gates"]), asked["scoring"]["min_voiced_frames"])


def differences(folder: Path, reference: Path) -> list[str]:
    """What a finished folder has otherwise than the uninterrupted run's, but for times."""
    wrong = []
    got, expected = visible(folder), visible(reference)
    if set(got) != set(expected):
        wrong.append(f"other files: {sorted(set(got) ^ set(expected))}")
    hidden = sorted(path.name for path in folder.parent.rglob(".*"))
    if hidden:
        wrong.append(f"left behind: {hidden}")
    mine, theirs = read_record(folder / "result.json"), read_record(reference / "result.json")
    if without_times(mine, theirs) != without_times(theirs, theirs):
        one, other = without_times(mine, theirs).model_dump(), without_times(theirs, theirs).model_dump()
        wrong.append(f"another record: {[key for key in one if one[key] != other[key]]}")
    for name in set(got) & set(expected):
        if name.endswith(".npz"):
            with np.load(folder / name) as one, np.load(reference / name) as other:
                if any(not np.array_equal(one[key], other[key], equal_nan=True) for key in other.files):
                    wrong.append(f"other frames: {name}")
        elif name.endswith((".pte", ".png", ".wav")) and got[name] != expected[name]:
            wrong.append(f"other bytes: {name}")
    return wrong


def seen(folder: Path, earlier: dict[str, bytes] | None, names: set[str] | None = None) -> tuple[str, list[str]]:
    """Which record a killed run's folder has, and what is wrong with it; `names`: the files of an uninterrupted run."""
    found = visible(folder)
    if "result.json" not in found:
        aside = any(is_aside(name) for name in found)
        return "none", ["the record is gone"] if earlier is not None and not aside else []
    if earlier is not None and found["result.json"] == earlier["result.json"]:
        other = [name for name in sorted(earlier.keys() | found.keys()) if earlier.get(name) != found.get(name)]
        return "the earlier", [f"other than the earlier record's: {other}"] if other else []
    try:
        record = read_record(folder / "result.json")
    except Exception as error:
        return "torn", [str(error)]
    assert record.program is not None
    wrong = []
    if hashlib.sha256(found.get("program.pte", b"")).hexdigest() != record.program.sha256:
        wrong.append("the record's program is another")
    here = {name for name in found if not is_aside(name)}
    if names is not None and here != names:
        wrong.append(f"other files than the new record's: {sorted(here ^ names)}")
    return "the new", wrong


def is_aside(name: str) -> bool:
    """Whether a file is an earlier record that was set aside."""
    return name.startswith("result-")


def kill(folder: Path, reference: Path, earlier: Path | None, after_s: float) -> Kill:
    """One run killed and gone on with."""
    project(folder)
    (folder / "tmp").mkdir()
    place = folder / "out" / "r"
    if earlier is not None:
        shutil.copytree(earlier, place)
    before = visible(place) if earlier is not None else None
    told, _, _ = run(folder, after_s)
    stages = [line for line in told.splitlines() if STAGE.fullmatch(line)] or ["nothing yet"]
    found, wrong = seen(place, before, set(visible(reference)))
    wrong += [line for line in told.splitlines() if line.startswith("left alive")]
    told, resumed_s, code = run(folder)
    wrong += [] if code in ENDED else [f"went on and ended with {code}"]
    wrong += [line for line in told.splitlines() if line.startswith(("left alive", "error", "Traceback"))]
    for aside in place.glob("result-*.json"):
        if earlier is None or aside.read_bytes() != (earlier / "result.json").read_bytes():
            wrong.append(f"no earlier record: {aside.name}")
        aside.unlink()
    reused = [line.rpartition("the earlier ")[2] for line in told.splitlines() if "the earlier" in line]
    wrong += differences(place, reference) if (place / "result.json").is_file() else [f"no record: {told[-500:]}"]
    temporary = [path.name for path in (folder / "tmp").iterdir() if not path.name.startswith(TORCHS_OWN)]
    wrong += [f"left in the temporary folder: {name}" for name in temporary]
    return Kill(after_s, earlier is not None, stages[-1], found, resumed_s, "; ".join(reused), tuple(wrong))


def main(moments: int, seed: int, folder: Path, tell: Callable[[str], object]) -> list[Kill]:
    """So many runs, each killed once."""
    reference, other = project(folder / "reference"), project(folder / "other", mirror=0.5)
    for place in (reference, other):
        (place / "tmp").mkdir()
    (_, took_s, code), (_, _, of_other) = run(reference), run(other)
    assert {code, of_other} <= set(ENDED), f"uninterrupted runs ended with {code} and {of_other}"
    tell(f"uninterrupted: {took_s:.1f} s")
    draw = random.Random(seed)
    kills = []
    for at in range(moments):
        earlier = other / "out" / "r" if at % 2 else None
        after_s = draw.uniform(0.5, took_s)
        kills.append(kill(folder / f"{at}", reference / "out" / "r", earlier, after_s))
        one = kills[-1]
        tell(
            f"{at + 1:3}  killed after {one.after_s:5.1f} s at {one.stage:24.24}  record: {one.found:12}  "
            f"went on for {one.resumed_s:5.1f} s  {'; '.join(one.wrong) or 'as uninterrupted'}"
        )
        shutil.rmtree(folder / f"{at}")
    wrong = sum(bool(one.wrong) for one in kills)
    tell(f"{moments} killed, {moments - wrong} as uninterrupted, {wrong} not")
    return kills


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Kill runs at random moments and go on with them.")
    parser.add_argument("--moments", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="where to put what was found as JSON as well")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kill-and-resume-") as made:
        found = main(asked.moments, asked.seed, Path(made), functools.partial(print, flush=True))
    if asked.out:
        asked.out.write_text(json.dumps({**run_here(), "kills": [asdict(one) for one in found]}, indent=2) + "\n")
    sys.exit(any(one.wrong for one in found))
