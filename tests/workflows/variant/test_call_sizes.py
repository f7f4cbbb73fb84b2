"""Calls of a program that accepts several sizes: which are timed, with how much audio, and when."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.frames import frames_of, paired
from tests.helpers.variants import FakeSteps, variant_of
from workbench.measure.call_sizes import size_figures
from workbench.measure.speed import PairTimes, TimingPlan
from workbench.measure.timing import time_pair_in_process
from workbench.progress import Progress
from workbench.runtime.isolation import IsolatedProcess
from workbench.workflows.variant.baseline import BaselineCache
from workbench.workflows.variant.run import run_variant
from workbench.workflows.variant.score.call_sizes import time_sizes


def test_only_some_sizes_are_timed_each_on_whole_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    variant = variant_of(tmp_path, frames_per_chunk={"min": 1, "max": 6})
    timed: list[int] = []

    def call(_: object, function: Any, spec: Any, program: Path, audio: Any, plan: TimingPlan, size: int) -> PairTimes:
        assert function is time_pair_in_process and program == Path("program.pte")
        assert len(audio) % (size * variant.stream.hop_samples) == 0
        assert plan.chunks_per_round == max(2, variant.recipe.speed.chunks_per_round // size)
        timed.append(size)
        return PairTimes(np.full((2, 3), 6.0 * size), np.full((2, 3), 2.0))

    monkeypatch.setattr(IsolatedProcess, "call", call)
    frames = [paired(frames_of([60] * 8, margin=0.5), frames_of([60.25] * 8))]
    scored = [size_figures(size, variant.stream, frames, 0.5) for size in variant.stream.sizes]
    found = time_sizes(variant, Path("program.pte"), scored, Progress())
    assert timed == [1, 2, 4, 6]
    assert [each.speedup_p50 for each in found] == [3, 6, None, 12, None, 18]
    assert [each.p95_cents for each in found] == [25] * 6


def test_sizes_of_a_killed_run_are_timed_and_not_scored_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    variant, steps = variant_of(tmp_path, frames_per_chunk={"min": 1, "max": 2}), FakeSteps(monkeypatch)
    steps.errors["time sizes"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        run_variant(variant, tmp_path / "run", Progress(), BaselineCache())
    assert steps.take_done() == ["export", "score", "score sizes"]
    steps.errors.clear()
    result = run_variant(variant, tmp_path / "run", Progress(), BaselineCache()).result
    assert steps.take_done() == ["time sizes", "time"]
    assert [(size.p95_cents, size.speedup_p50) for size in result.sizes] == [(25, 3), (25, 3)]
    assert result.deviation_over_sizes.worst_p95_cents == 25
    assert set(result.seconds) == {"build", "score", "pictures", "sizes", "speed of sizes", "speed"}
