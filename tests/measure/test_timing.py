"""Sessions that are timed in turns, without a clock: which session runs when, with which calls."""

import numpy as np
from numpy.testing import assert_array_equal

from workbench.measure.speed import TimingPlan
from workbench.measure.timing import SessionTurns, as_calls, time_alternating
from workbench.recipe.stream_config import StreamConfig

STREAM = StreamConfig(1000, 10, 1, 0.0)


class RecordingSession:
    """Appends its name and the first sample of each call to a log."""

    stream = STREAM

    def __init__(self, name: str, log: list[tuple[str, float]]) -> None:
        self.name, self.log = name, log

    def reset(self, stream: int | None = None) -> None: ...

    def step(self, chunk: np.ndarray) -> None:
        self.log.append((self.name, float(chunk[0, 0])))


def timed_in_turns() -> list[tuple[str, float]]:
    """Six rounds of four calls for three sessions, after two warm-up calls each; the audio has three calls."""
    log: list[tuple[str, float]] = []
    calls = [np.full((1, 10), call, np.float32) for call in range(3)]
    sides = {name: SessionTurns(RecordingSession(name, log), calls) for name in "abc"}
    times_ms = time_alternating(sides, TimingPlan(1, 6, 4, 2))
    assert all(ms.shape == (6, 4) and (ms > 0).all() for ms in times_ms.values())
    return log


def test_all_warm_up_and_then_each_has_its_turn_in_every_round() -> None:
    log = timed_in_turns()
    assert log[:6] == [(name, call) for name in "abc" for call in (0, 1)]
    rounds = [log[start : start + 12] for start in range(6, len(log), 12)]
    orders = [[name for name, _ in calls[::4]] for calls in rounds]
    for index, (calls, order) in enumerate(zip(rounds, orders, strict=True)):
        assert sorted(order) == ["a", "b", "c"]
        assert calls == [(name, (index * 4 + call) % 3) for name in order for call in range(4)]
    assert len(set(map(tuple, orders))) > 2  # shuffled
    assert timed_in_turns() == log


def test_calls_are_whole_and_every_stream_starts_elsewhere() -> None:
    samples = np.arange(25, dtype=np.float32)
    assert_array_equal(np.concatenate(as_calls(samples, STREAM, 1), -1), [samples[:20]])
    (call,) = as_calls(np.ones(7, np.float32), STREAM, 1)  # too short for one: filled up
    assert_array_equal(call, [[1] * 7 + [0] * 3])
    two = as_calls(np.arange(20, dtype=np.float32), StreamConfig(1000, 10, 1, 0.0, streams=2), 2)
    assert_array_equal(two, [[np.arange(20), np.roll(np.arange(20), 10)]])
