"""Contenders of a bench with made-up times and frames."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.helpers.frames import frames_of
from workbench.errors import NativeHostError
from workbench.measure.bench.figures import ContenderFigures, ContenderRun, NativeRun, figures
from workbench.measure.bench.worker import ColdRun, Contender
from workbench.measure.native_speed import NativeStart, NativeTimes
from workbench.measure.speed import ColdStart
from workbench.measure.timing import BaselineSpec
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.session import Frames

STREAM = StreamConfig(48_000, 960, 1, 1.0)  # a call every 20 ms
BASELINE = BaselineSpec("mir-1k_g7", STREAM, "alwa", False)
VOICED = 120


def flat(round_ms: Sequence[float] | np.ndarray) -> np.ndarray:
    """(rounds, 5) milliseconds: the calls of a round are equal."""
    return np.repeat(np.asarray(round_ms, float)[:, None], 5, axis=1)


def contender(name: str, file: Path) -> Contender:
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    return Contender(name, "made up", "eager" if name == "eager" else "pte", file, sha256, BASELINE)


def contender_figures(
    file: Path,
    rounds: dict[str, Sequence[float]],
    cents: dict[str, float] | None = None,
    voiced: int = VOICED,
    native: dict[str, Sequence[float]] | None = None,
) -> dict[str, ContenderFigures]:
    """Figures by name, from the time of the calls in each round, in Python and natively, and from how far a contender's
    pitch is off."""

    def frames(name: str) -> Frames:
        return frames_of(
            np.full(200, 60 + (cents or {}).get(name, 0.0) / 100), np.where(np.arange(200) < voiced, 0.9, 0.1)
        )

    start = ColdStart(30.0, 4.0, 500_000_000)
    response_ms = np.array([1.0, 2.0, 20.0, 30.0])  # a call is due every 20 ms

    def natively(name: str) -> NativeRun | NativeHostError:
        if name not in (native or {}):
            return NativeHostError("no compiler")
        return NativeRun(NativeStart(5.0, 900.0, 11_000_000), NativeTimes(flat((native or {})[name]), 0.5))

    runs = [
        ContenderRun(
            contender(name, file), ColdRun(start, 480_000_000, frames(name)), flat(ms), response_ms, natively(name)
        )
        for name, ms in rounds.items()
    ]
    return {run.name: run for run in figures(runs, 0.5)}
