"""Rounds give each tracker one turn, one that fails has no more, and a ratio is taken within its round."""

import numpy as np
import pytest

from workbench.errors import ProgramCrashError, RivalError
from workbench.measure.rivals.step_times import (
    MAX_STEPS_PER_TURN,
    MIN_ROUNDS,
    ROUNDS,
    step_times,
    steps_per_turn,
    time_rounds,
)


@pytest.mark.parametrize(("limit_s", "rounds"), [(60.0, ROUNDS), (-1.0, MIN_ROUNDS)])
def test_each_round_has_each_tracker_once_in_changing_order(limit_s: float, rounds: int) -> None:
    turns, advanced = [], []
    sides = {name: lambda name=name: turns.append(name) or float(len(turns)) for name in "abcd"}
    times_ms, reasons = time_rounds(sides, lambda: advanced.append(1), limit_s)
    in_rounds = ["".join(turns[begin : begin + 4]) for begin in range(0, len(turns), 4)]
    assert [sorted(each) for each in in_rounds] == [list("abcd")] * rounds
    assert len(set(in_rounds)) > 1
    assert len(advanced) == rounds
    assert [turns[int(call) - 1] for call in times_ms["c"]] == ["c"] * rounds
    assert reasons == {}


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RivalError("bad: failed on a.wav (no)"), "failed on a.wav (no)"),
        (ProgramCrashError("the program crashed the runtime"), "the program crashed the runtime"),
        (MemoryError(), "the machine ran out of memory"),
    ],
)
def test_a_tracker_that_fails_has_no_more_turns_and_the_others_go_on(error: Exception, reason: str) -> None:
    calls = []

    def fail() -> float:
        calls.append(1)
        if len(calls) == 2:
            raise error
        return 1.0

    times_ms, reasons = time_rounds({"bad": fail, "good": lambda: 2.0}, lambda: None)
    assert (len(calls), reasons) == (2, {"bad": reason})
    assert {name: list(ms) for name, ms in times_ms.items()} == {"good": [2.0] * ROUNDS}


def test_a_ratio_is_of_the_same_round() -> None:
    eager_ms = np.array([1.0, 10.0, 100.0, 3.0])
    times = step_times({"eager": eager_ms, "slow": 3 * eager_ms}, {"eager": 20, "slow": 4}, "eager")
    slow = times["slow"]
    assert (slow.ratio.low, slow.ratio.p50, slow.ratio.high) == pytest.approx((3, 3, 3))
    assert (slow.ms.p50, slow.rounds, slow.steps, slow.reference) == (pytest.approx(19.5), 4, 4, "eager")
    single = step_times({"slow": eager_ms}, {"slow": 4}, "eager")["slow"]
    assert (single.ratio, single.null_reasons) == (None, {"ratio": "eager was not timed"})


@pytest.mark.parametrize(("step_s", "steps"), [(1e-4, MAX_STEPS_PER_TURN), (0.04, 3), (0.58, 1), (9.0, 1)])
def test_a_slow_tracker_has_few_steps_a_turn(step_s: float, steps: int) -> None:
    assert steps_per_turn(step_s) == steps
