"""Compares the shipped programs with those of an earlier commit at other rates, mirrors, states and sizes of calls.

    python -m tools.reliability.shapes [STEP ...] [--before COMMIT] [--only TEXT] [--folder DIR]

The steps, by default all of them in this order:

    build   the programs of both sides, each with its own recipes and its own code (those that are there stay)
    score   the deviation of each program from upstream on the synthetic clips (some seconds each)
    time    native times of both sides in alternating rounds (a minute for all; needs an idle machine), and the record

This version loads and scores the earlier programs too. Programs and figures stay in the folder, and a step takes
what the steps before it left there; with --only, the other rows of the record stay. `git` must have the earlier commit.
"""

import argparse
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tools.docs.stored import ROOT
from tools.reliability.shape_table import RECORD, CallTimes, ShapeComparison, ShapeProgram, ShapeRow, cells, read
from workbench.audio.clip_catalog import SYNTHETIC_SCORE, ClipCatalog
from workbench.export.program_file import PTE_NAME
from workbench.measure.deviation import pitch_deviation
from workbench.measure.paired_frames import PairedFrames, pool
from workbench.measure.spread import Spread
from workbench.measure.timing import BaselineSpec
from workbench.recipe.stream_config import StreamConfig
from workbench.record_model import now_utc
from workbench.records.environment import environment
from workbench.runtime.executorch import set_num_threads
from workbench.runtime.native.build import native_host
from workbench.runtime.native.session import NativeSession
from workbench.runtime.open_program import open_program
from workbench.runtime.session import Floats, Frames, run_clips
from workbench.storage.cache_folder import cache_folder
from workbench.storage.hashing import sha256_of
from workbench.storage.json_files import write_json

BEFORE = "1b25b02"
RECIPES = ("float-xnnpack", "float-band", "int8-mixed")
SHAPES: dict[str, dict[str, Any]] = {
    "44k1": {"sample_rate_hz": 44100, "chunk_samples": 882},
    "16k": {"sample_rate_hz": 16000, "chunk_samples": 320},
    "mirror-0": {"mirror": 0},
    "1-to-8-frames": {"frames_per_chunk": {"min": 1, "max": 8}},
    "4-streams": {"streams": 4},
    "explicit-state": {"state": "explicit", "lowering": {"initial_state": "each-method"}},
}
SIDES = ("before", "after")
_LITTLE_AUDIO = {  # the programs do not depend on it: their ranges are dynamic
    "audio": {"calibrate": ["synthetic/calibrate/phrase-mezzo"]},
    "quantization": {"seconds_per_clip": 0.5},
}
_ROUNDS, _CALLS, _WARM_UP, _AUDIO_CALLS = 21, 30, 8, 64
_VOICED = 0.5  # upstream's confidence from which a frame counts


def build(folder: Path, before: str, recipes: Sequence[str], shapes: Sequence[str]) -> None:
    """Builds the programs, in folder/SIDE/RECIPE@shape=SHAPE/, both sides at the same time."""
    for name in recipes:
        matrix = {shape: SHAPES[shape] for shape in shapes}
        keys = {"extends": name, "description": "Shapes.", **_LITTLE_AUDIO}
        (folder / f"{name}.yaml").write_text(json.dumps({**keys, "matrix": {"shape": matrix}}))
    builds = []
    for side, source in zip(SIDES, (_checkout(folder, before), ROOT), strict=True):
        command = [sys.executable, "-m", "workbench", "build", *(f"{name}.yaml" for name in recipes), "--out", side]
        environment = {**os.environ, "PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"}
        builds.append(subprocess.Popen(command, cwd=folder, env=environment))
    codes = [process.wait() for process in builds]
    if any(codes):
        sys.exit("a build failed")


def _checkout(folder: Path, commit: str) -> Path:
    """Returns a folder with the files of a commit."""
    source = folder / f"source-{commit}"
    if not source.is_dir():
        packed = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True).stdout
        with tarfile.open(fileobj=BytesIO(packed)) as archive:
            archive.extractall(source, filter="data")
    return source


def score(path: Path) -> ShapeProgram:
    """Returns the size and the deviation of a program, with calls of its smallest size."""
    session = open_program(path)
    names, baseline = _baseline(replace(session.stream, streams=1, max_frames_per_chunk=None))
    catalog = ClipCatalog(ROOT / "calib_audio")
    clips = [catalog.read(name, session.stream.sample_rate_hz).samples for name in names]
    frames = run_clips(session, clips)
    pairs = [
        PairedFrames(name, exact, found, exact.confidence >= _VOICED, "confidence")
        for name, exact, found in zip(names, baseline, frames, strict=True)
    ]
    pooled = pool(pairs)
    found = pitch_deviation(pooled.baseline, pooled.variant, pooled.voiced)
    content = path.read_bytes()
    return ShapeProgram(
        bytes=len(content),
        sha256=sha256_of(content),
        p95_cents=found.p95_cents,
        over_50_cents_rate=found.over_50_cents_rate,
    )


@cache
def _baseline(stream: StreamConfig) -> tuple[Sequence[str], list[Frames]]:
    """Returns the scored clips, and upstream's frames of each."""
    catalog = ClipCatalog(ROOT / "calib_audio")
    names = catalog.match([f"{SYNTHETIC_SCORE}/*"])
    clips = [catalog.read(name, stream.sample_rate_hz).samples for name in names]
    return names, run_clips(BaselineSpec("mir-1k_g7", stream, "alwa", False).session(), clips)


def time_both(paths: Sequence[Path]) -> Iterator[CallTimes]:
    """Yields the times of the programs of both sides, for the smallest and for the largest size of a call."""
    host = native_host(cache_folder("hosts"))
    sessions = [NativeSession(host, path) for path in paths]
    stream = sessions[0].stream
    for frames in dict.fromkeys((stream.frames_per_chunk, stream.max_frames)):
        for session in sessions:
            session.load_calls(_audio(stream, frames))
            session.time(0, 3 * _WARM_UP)
        us = np.zeros((_ROUNDS, len(sessions)))
        for number in range(_ROUNDS):
            for side in (0, 1) if number % 2 else (1, 0):
                sessions[side].time(0, _WARM_UP)
                us[number, side] = np.median(sessions[side].time(_WARM_UP, _CALLS))
        before_us, after_us = np.median(us, axis=0)
        yield CallTimes(
            frames=frames,
            before_us=float(before_us),
            after_us=float(after_us),
            faster=Spread.over_rounds(us[:, 0] / us[:, 1]),
        )
    for session in sessions:
        session.close()


def _audio(stream: StreamConfig, frames: int) -> list[Floats]:
    """Returns calls of a clip with a voice, the same for all streams."""
    clip = ClipCatalog(ROOT / "calib_audio").read(f"{SYNTHETIC_SCORE}/phrase-alto", stream.sample_rate_hz).samples
    samples = frames * stream.hop_samples
    audio = np.resize(clip, (_AUDIO_CALLS, 1, samples))
    return [np.repeat(call, stream.streams, axis=0) for call in audio]


def main() -> None:
    parser = argparse.ArgumentParser(description="Compares the shipped programs with earlier ones at other shapes.")
    steps = ("build", "score", "time")
    parser.add_argument("steps", nargs="*", metavar="STEP", help="build, score or time; all by default")
    parser.add_argument("--before", default=BEFORE, metavar="COMMIT", help=f"the earlier version; {BEFORE} by default")
    parser.add_argument("--only", default="", metavar="TEXT", help="combinations that have this text in recipe@shape")
    parser.add_argument("--folder", type=Path, default=ROOT / "outputs" / "shapes", metavar="DIR", help="for programs")
    arguments = parser.parse_args()
    chosen = arguments.steps or steps
    if not set(chosen) <= set(steps):
        parser.error(f"expected {', '.join(steps)}, got {' '.join(chosen)}")
    folder: Path = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    set_num_threads(1)
    torch.set_grad_enabled(False)
    pairs = [(name, shape) for name in RECIPES for shape in SHAPES if arguments.only in f"{name}@{shape}"]
    if "build" in chosen:
        build(folder, arguments.before, *(list(dict.fromkeys(names)) for names in zip(*pairs, strict=True)))
    scores = folder / "scores.json"
    scored: dict[str, Any] = json.loads(scores.read_text()) if scores.is_file() else {}
    rows = []
    for name, shape in pairs:
        paths = [folder / side / f"{name}@shape={shape}" / PTE_NAME for side in SIDES]
        programs = []
        for path in paths:
            key = sha256_of(path.read_bytes())
            if "score" in chosen and key not in scored:
                scored[key] = score(path).model_dump(mode="json")
                scores.write_text(json.dumps(scored, indent=2) + "\n")
                print(f"{path.parent.parent.name} {path.parent.name}: {scored[key]['p95_cents']:.3f} cents", flush=True)
            if key in scored:
                programs.append(ShapeProgram.model_validate(scored[key]))
        if "time" in chosen:
            if len(programs) < len(SIDES):
                sys.exit(f"{name}@{shape}: not scored; run the step score first")
            rows.append(
                ShapeRow(recipe=name, shape=shape, before=programs[0], after=programs[1], times=tuple(time_both(paths)))
            )
            print("  ".join(cells(rows[-1]).values()), flush=True)
    if rows:
        stored = {(row.recipe, row.shape): row for row in (*(read().rows if RECORD.is_file() else ()), *rows)}
        kept = tuple(stored[name, shape] for name in RECIPES for shape in SHAPES if (name, shape) in stored)
        record = ShapeComparison(created=now_utc(), before=arguments.before, environment=environment(1), rows=kept)
        write_json(record, RECORD)


if __name__ == "__main__":
    main()
