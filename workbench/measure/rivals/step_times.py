"""The time of a step of a stream of each tracker, in alternating rounds, and its ratio to PESTO eager.

A tracker has one turn in each round, in shuffled order, so that the machine's drift affects all of a round equally.
Steps take from 0.3 ms to 0.6 s, so a turn has as many steps as fit into `TURN_S`, and at least one.
"""

import time
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from workbench.errors import ProgramError, RivalError, WorkerKilledError
from workbench.measure.spread import Spread
from workbench.measure.timing import ORDER_SEED
from workbench.record_model import RecordModel

TURN_S = 0.15
MAX_STEPS_PER_TURN = 20
ROUNDS, MIN_ROUNDS = 15, 3
LIMIT_S = 120.0
"""No round begins later than this, but for the first `MIN_ROUNDS`."""

FAILURES = (RivalError, ProgramError, WorkerKilledError, MemoryError)
"""What a tracker raises if it fails, hangs or crashes its process, or if the machine has no memory for it."""


class StepTimes(RecordModel):
    """The time for 20 ms of a stream, over alternating rounds.

    Attributes:
        ms: The milliseconds for 20 ms of audio: of a round, the median of its steps.
        ratio: `ms` / that of the reference in the same round, above 1 if slower. Null if the reference was not timed.
        reference: The name of the reference: the first tracker of the comparison.
        rounds: The number of rounds.
        steps: The timed steps of each round.
    """

    ms: Spread
    ratio: Spread | None
    reference: str
    rounds: int
    steps: int


def steps_per_turn(step_s: float) -> int:
    """Returns how many steps of this length a turn has."""
    return int(np.clip(TURN_S / step_s, 1, MAX_STEPS_PER_TURN))


def time_rounds(
    turns: Mapping[str, Callable[[], float]], advance: Callable[[], None], limit_s: float = LIMIT_S
) -> tuple[dict[str, NDArray[np.float64]], dict[str, str]]:
    """Gives each tracker one turn in each round. One that fails has no further turn; the others go on.

    Args:
        turns: Runs a turn of a tracker and returns its milliseconds, by name.
        advance: Called after each round.
        limit_s: No round begins later than this, but for the first `MIN_ROUNDS`.

    Returns:
        (rounds,) milliseconds of the trackers that did not fail, and the reasons of the others, by name.
    """
    times_ms: dict[str, list[float]] = {name: [] for name in turns}
    reasons: dict[str, str] = {}
    order, began_s = np.random.default_rng(ORDER_SEED), time.monotonic()
    names = list(turns)
    for index in range(ROUNDS):
        if index >= MIN_ROUNDS and time.monotonic() - began_s > limit_s:
            break
        for name in (names[position] for position in order.permutation(len(names))):
            if name not in reasons:
                try:
                    times_ms[name].append(turns[name]())
                except FAILURES as error:
                    reasons[name] = reason_of(name, error)
        advance()
    return {name: np.array(times) for name, times in times_ms.items() if name not in reasons}, reasons


def step_times(
    times_ms: Mapping[str, NDArray[np.float64]], steps: Mapping[str, int], reference: str
) -> dict[str, StepTimes]:
    """Returns the times of each tracker as medians and ratios to the reference, by name.

    Args:
        times_ms: (rounds,) milliseconds by name, of the same rounds.
        steps: The steps of a turn by name.
        reference: The name of the reference, which need not be among the timed ones.
    """
    baseline_ms = times_ms.get(reference)
    return {
        name: StepTimes(
            ms=Spread.over_rounds(ms),
            ratio=None if baseline_ms is None else Spread.over_rounds(ms / baseline_ms),
            reference=reference,
            rounds=len(ms),
            steps=steps[name],
            null_reasons={"ratio": f"{reference} was not timed"} if baseline_ms is None else {},
        )
        for name, ms in times_ms.items()
    }


def reason_of(name: str, error: BaseException) -> str:
    """Returns why a tracker failed, without its name."""
    return str(error).removeprefix(f"{name}: ") or "the machine ran out of memory"
