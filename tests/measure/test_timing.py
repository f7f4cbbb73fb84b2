"""Sessions that are timed in turns, without a clock: which session runs when, with which calls."""

import numpy as np
from numpy.testing import assert_array_equal

from workbench.measure.speed import TimingPlan
from workbench.measure.timing import as_calls, time_alternating
from workbench.recipe.stream_config import StreamConfig

STREAM = StreamConfig(1000, 10, 1, 0.0)


class RecordingSession:
    """A session that writes down who was called, with which samples."""

    def __init__(self, name: str, log: list[tuple[str, float]]) -> None:
        self.name, self.log, self.stream = name, log, STREAM

    def reset(self, stream: int | None = None) -> None: ...

    def step(self, chunk: np.ndarray) -> None:
        self.log.append((self.name, float(chunk[0, 0])))


def turns() -> tuple[list[tuple[str, float]], dict[str, np.ndarray]]:
    log: list[tuple[str, float]] = []
    calls = [np.full((1, 10), at, np.float32) for at in range(3)]
    times_ms = time_alternating({name: RecordingSession(name, log) for name in "abc"}, calls, TimingPlan(1, 6, 4, 2))
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
