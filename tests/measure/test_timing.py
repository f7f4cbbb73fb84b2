"""Turns, paces and memory, without a clock: who is called when, with what."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.helpers.processes import ends_with_its_parent
from workbench.measure import bench_worker
from workbench.measure.bench_worker import background_load, response_times
from workbench.measure.speed import TimingPlan
from workbench.measure.timing import as_calls, time_alternating
from workbench.recipe.stream_config import StreamConfig

STREAM = StreamConfig(1000, 10, 1, 0.0)


class Heard:
    """A session that writes down who was called, with which samples."""

    def __init__(self, name: str, log: list[tuple[str, float]]) -> None:
        self.name, self.log, self.stream = name, log, STREAM

    def reset(self, stream: int | None = None) -> None: ...

    def step(self, chunk: np.ndarray) -> None:
        self.log.append((self.name, float(chunk[0, 0])))


def turns() -> tuple[list[tuple[str, float]], dict[str, np.ndarray]]:
    log: list[tuple[str, float]] = []
    calls = [np.full((1, 10), at, np.float32) for at in range(3)]
    times_ms = time_alternating({name: Heard(name, log) for name in "abc"}, calls, TimingPlan(1, 6, 4, 2))
    return log, times_ms


def test_all_warm_up_and_then_each_has_its_turn_in_every_round() -> None:
    log, times_ms = turns()
    assert log[:6] == [(name, at) for name in "abc" for at in (0, 1)]
    rounds = [log[6 + at * 12 : 18 + at * 12] for at in range(6)]
    for at, calls in enumerate(rounds):
        owners = [name for name, _ in calls]
        assert sorted(owners[::4]) == ["a", "b", "c"]
        assert owners == [name for name in owners[::4] for _ in range(4)]
        assert [samples for _, samples in calls] == [(at * 4 + more) % 3 for more in range(4)] * 3
    assert {name: ms.shape for name, ms in times_ms.items()} == dict.fromkeys("abc", (6, 4))
    assert all((ms > 0).all() for ms in times_ms.values())


def test_the_order_is_shuffled_and_the_same_again() -> None:
    log, _ = turns()
    orders = ["".join(name for name, _ in log[6 + at * 12 : 18 + at * 12 : 4]) for at in range(6)]
    assert len(set(orders)) > 2
    assert turns()[0] == log


def test_calls_are_whole_and_every_stream_starts_elsewhere() -> None:
    samples = np.arange(25, dtype=np.float32)
    assert_array_equal(np.concatenate(as_calls(samples, STREAM, 1), -1), [samples[:20]])
    (call,) = as_calls(np.ones(7, np.float32), STREAM, 1)  # too short for one: filled up
    assert_array_equal(call, [[1] * 7 + [0] * 3])
    two = as_calls(np.arange(20, dtype=np.float32), StreamConfig(1000, 10, 1, 0.0, streams=2), 2)
    assert_array_equal(two, [[np.arange(20), np.roll(np.arange(20), 10)]])


class Clock:
    """Time that passes only where someone sleeps or works."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def perf_counter(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


class Working:
    stream = STREAM

    def __init__(self, clock: Clock, takes_ms: list[float]) -> None:
        self.clock, self.takes_ms, self.heard = clock, iter(takes_ms), []

    def step(self, chunk: np.ndarray) -> None:
        self.heard.append(chunk)
        self.clock.now_s += next(self.takes_ms) / 1000


def test_a_call_is_late_from_when_it_was_due(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(bench_worker, "time", clock)
    session = Working(clock, [4, 25, 4, 4])  # 25 ms: 15 into the next period, which ends 1 ms before its own
    late_ms = response_times(session, ["a", "b"], 4, 10.0)  # type: ignore[list-item]
    np.testing.assert_allclose(late_ms, [4, 25, 19, 13])
    assert session.heard == ["a", "b", "a", "b"]


def test_a_busy_process_is_there_for_the_block_alone() -> None:
    import multiprocessing

    with background_load():
        (process,) = multiprocessing.active_children()
        assert process.is_alive()
    assert multiprocessing.active_children() == []


def test_a_busy_process_ends_with_its_parent() -> None:
    """One that was killed ends nothing itself; a core at work for ever would be left of it."""
    script = (
        "import multiprocessing, time\nfrom workbench.measure.bench_worker import background_load\n"
        "if __name__ == '__main__':\n    with background_load():\n"
        "        print(multiprocessing.active_children()[0].pid, flush=True)\n        time.sleep(3600)\n"
    )
    assert ends_with_its_parent(script)
