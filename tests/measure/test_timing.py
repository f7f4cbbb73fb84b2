"""Sessions that are timed in turns, without a clock: which session runs when, with which calls."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.helpers.native_host import KILLED, faulty_host
from workbench.errors import NativeHostError
from workbench.measure.native_speed import NativeSide, NativeStart
from workbench.measure.speed import ColdStart, PairTimes, TimingPlan
from workbench.measure.timing import (
    BaselineSpec,
    SessionTurns,
    as_calls,
    cold_start,
    time_alternating,
    time_pair,
    time_pair_in_process,
)
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.isolation import IsolatedProcess
from workbench.runtime.open_program import import_runtime

STREAM = StreamConfig(1000, 10, 1, 0.0)


class RecordingTurns:
    """Appends its name, whether it is timed, its first call and the number of calls to a log."""

    def __init__(self, name: str, log: list[tuple[str, bool, int, int]]) -> None:
        self.name, self.log = name, log

    def warm_up(self, first: int, count: int) -> None:
        self.log.append((self.name, False, first, count))

    def time(self, first: int, count: int) -> np.ndarray:
        self.log.append((self.name, True, first, count))
        return np.arange(count)


def timed_in_turns() -> list[tuple[str, bool, int, int]]:
    """Six rounds of four timed calls for three sides, after two warm-up calls each."""
    log: list[tuple[str, bool, int, int]] = []
    times_ms = time_alternating({name: RecordingTurns(name, log) for name in "abc"}, TimingPlan(1, 6, 4, 2))
    assert all(
        (ms == [8, 9, 10, 11]).all() and ms.shape == (6, 4) for ms in times_ms.values()
    )  # the first 8 do not count
    return log


def test_all_warm_up_and_then_each_has_its_turn_in_every_round() -> None:
    log = timed_in_turns()
    assert log[:3] == [(name, False, 0, 2) for name in "abc"]
    rounds = [log[start : start + 3] for start in range(3, len(log), 3)]
    orders = [[name for name, *_ in turns] for turns in rounds]
    for index, (turns, order) in enumerate(zip(rounds, orders, strict=True)):
        assert sorted(order) == ["a", "b", "c"]
        assert turns == [(name, True, index * 12, 12) for name in order]
    assert len(set(map(tuple, orders))) > 2  # shuffled
    assert timed_in_turns() == log


def test_the_plan_says_how_many_calls_of_a_turn_are_untimed() -> None:
    log: list[tuple[str, bool, int, int]] = []
    times_ms = time_alternating({"a": RecordingTurns("a", log)}, TimingPlan(1, 2, 4, 2, untimed_per_turn=1))
    assert_array_equal(times_ms["a"], [[1, 2, 3, 4]] * 2)
    assert log == [("a", False, 0, 2), ("a", True, 0, 5), ("a", True, 5, 5)]


def test_a_session_runs_its_calls_over_and_over() -> None:
    inputs: list[float] = []
    session = SimpleNamespace(step=lambda chunk: inputs.append(float(chunk[0, 0])))
    turns = SessionTurns(session, [np.full((1, 10), call, np.float32) for call in range(3)])  # type: ignore[arg-type]
    turns.warm_up(2, 2)
    assert (turns.time(4, 3) > 0).all() and inputs == [2, 0, 1, 2, 0]


def test_the_cold_start_is_that_of_a_new_python(monkeypatch: pytest.MonkeyPatch) -> None:
    start, times = ColdStart(1.0, 2.0, 3), PairTimes(np.full((3, 1), 6.0), np.full((3, 1), 2.0))
    calls: list[tuple[Any, bool]] = []

    def call(child: Any, function: Any, *_: object) -> Any:
        calls.append((function, child._copied))
        return {cold_start: start, time_pair_in_process: times}.get(function)

    monkeypatch.setattr(IsolatedProcess, "__enter__", lambda child: child)
    monkeypatch.setattr(IsolatedProcess, "__exit__", lambda *_: None)
    monkeypatch.setattr(IsolatedProcess, "call", call)
    baseline, none = BaselineSpec("mir-1k_g7", STREAM, "alwa", False), NativeHostError("none")
    speed = time_pair(baseline, Path("program.pte"), np.zeros(10, np.float32), TimingPlan(1, 3, 1, 1), none)
    assert calls == [(import_runtime, False), (cold_start, False), (time_pair_in_process, True)]
    assert (speed.load_ms, speed.peak_rss_bytes, speed.speedup_p50) == (1, 3, 3)


@pytest.mark.slow
def test_program_is_timed_without_a_host_that_is_killed(program: Path, stream: StreamConfig, tmp_path: Path) -> None:
    host = faulty_host(tmp_path / "host", program, KILLED)
    baseline = BaselineSpec("mir-1k_g7", stream, "alwa", False)
    native = NativeSide(host, NativeStart(1.0, 1.0, 1))
    speed = time_pair(baseline, program, np.zeros(3200, np.float32), TimingPlan(1, 3, 1, 1), native)
    assert (speed.native, speed.variant.p50_ms > 0) == (None, True)
    assert speed.null_reasons == {"native": "the native host ended with SIGKILL"}


def test_calls_are_whole_and_every_stream_starts_elsewhere() -> None:
    samples = np.arange(25, dtype=np.float32)
    assert_array_equal(np.concatenate(as_calls(samples, STREAM, 1), -1), [samples[:20]])
    (call,) = as_calls(np.ones(7, np.float32), STREAM, 1)  # too short for one: filled up
    assert_array_equal(call, [[1] * 7 + [0] * 3])
    two = as_calls(np.arange(20, dtype=np.float32), StreamConfig(1000, 10, 1, 0.0, streams=2), 2)
    assert_array_equal(two, [[np.arange(20), np.roll(np.arange(20), 10)]])
