"""The data of a choice, and the reasons for it in words. `pick.py` makes the choice."""

from collections.abc import Mapping, Sequence
from typing import Literal

from workbench.audit.choice.pareto import Point, compare_points
from workbench.audit.clock import Clock
from workbench.measure.spread import Spread
from workbench.record_model import RecordModel
from workbench.records.metrics import Verdict

Objective = Literal["smallest", "fastest", "most-accurate", "balanced"]
NEEDS_SPEED: tuple[Objective, ...] = ("fastest", "balanced")


class Candidate(RecordModel):
    """A variant that passes.

    `program` is the path of its program; `distance` is the distance to the ideal point. Its median call and its speedup
    are by the clock of the choice. The measured delay and the errors on steady tones are None in a result that does not
    state them.
    """

    name: str
    folder: str
    program: str | None
    pitch_p95_cents: float
    over_50_cents_rate: float | None
    delay_ms: float | None
    geometry_ms: float
    tones_std_cents: float | None
    tones_p95_cents: float | None
    bytes: int
    p50_us: float
    speedup_low: float
    speedup_p50: float
    speedup_high: float
    distance: float | None

    @property
    def speedup(self) -> Spread:
        """How many times faster the variant is than the baseline, over rounds."""
        return Spread(p50=self.speedup_p50, low=self.speedup_low, high=self.speedup_high)


class Dominated(RecordModel):
    """A variant that passes, and the variants that are better on an axis and worse on none (`by`).

    `how` says what the first of them gains.
    """

    candidate: Candidate
    by: tuple[str, ...]
    how: str


class Rejected(RecordModel):
    """A variant that is no candidate, and the reasons."""

    name: str
    folder: str
    verdict: Verdict
    reasons: tuple[str, ...]


class Miss(RecordModel):
    """A gate that a variant misses: how far its value is beyond the limit, also as a share of the limit.

    `hint` has the recipe keys that usually move the value, "" if the workbench knows none.
    """

    metric: str
    limit: str
    value: float
    beyond: float
    share: float
    hint: str


class Nearest(RecordModel):
    """A variant that fails only because it misses gates; the one that it misses most is first."""

    name: str
    misses: tuple[Miss, ...]


class Choice(RecordModel):
    """The winner, the reasons for it (`why`), and where all other variants are.

    `front` is sorted by the objective, the winner first. `left_out` has the variants that are not comparable with those
    that were ranked. `warnings` has a line for each limit of the ranking. `nearest` has the variants that are nearest
    to passing, if none passes. `clock` is the one of all speeds, None if there is no winner; `clock_reason` says why it
    is not that of the native host.
    """

    objective: Objective
    clock: Clock | None
    clock_reason: str = ""
    winner: Candidate | None
    why: tuple[str, ...]
    warnings: tuple[str, ...]
    front: tuple[Candidate, ...]
    dominated: tuple[Dominated, ...]
    rejected: tuple[Rejected, ...]
    left_out: tuple[Rejected, ...] = ()
    nearest: tuple[Nearest, ...] = ()


def reasons_for(
    objective: Objective,
    ranked: Sequence[Point],
    points: Sequence[Point],
    distances: Mapping[str, float],
    floor_cents: float,
) -> tuple[str, ...]:
    """Returns why the winner was chosen, and what the measurement does not show about it.

    Args:
        objective: what was preferred.
        ranked: the points on the front, the winner first.
        points: the points of all variants that pass.
        distances: the distance to the ideal point, by name.
        floor_cents: deviations below it are equal.
    """
    winner = ranked[0]
    others = [point for point in points if point.name != winner.name]
    if not others:
        return (f"{winner.name} is the only one that passes",)
    reasons = [_main_reason(objective, ranked, len(points), distances)]
    if objective == "most-accurate":
        near = [point.name for point in others if max(point.cents, winner.cents) <= floor_cents]
        if near:
            reasons.append(
                f"not shown to sound better than {', '.join(near)}: all deviate less than 16-bit dither on the input "
                f"causes ({floor_cents:.4f} cents)"
            )
    if objective in NEEDS_SPEED:
        tied = [point.name for point in others if winner.speedup and not compare_points(winner, point)[2]]
        if tied:
            reasons.append(f"not shown to be faster than {', '.join(tied)}: the ranges over the rounds overlap")
    return tuple(reasons)


def _main_reason(objective: Objective, ranked: Sequence[Point], passing: int, distances: Mapping[str, float]) -> str:
    """The value of the winner, and of the next point on the front."""
    winner = ranked[0]
    if len(ranked) == 1 and objective != "smallest":
        return f"{winner.name} is the only one on the front of the {passing} that pass"
    quality = {
        "smallest": "has the fewest bytes",
        "most-accurate": "deviates least in pitch (p95)",
        "fastest": "has the largest median speedup",
        "balanced": "is nearest to the ideal point (0 is best on all three axes, 1.73 is worst on all)",
    }[objective]
    # A dominated variant can have a larger median speedup within the spread, or a smaller deviation below the floor.
    group = f"{passing} that pass" if objective == "smallest" else f"{len(ranked)} on the front"
    reason = f"{winner.name} {quality} of the {group}: {_value(objective, winner, distances)}"
    if len(ranked) > 1:
        reason += f"; next on the front is {ranked[1].name} with {_value(objective, ranked[1], distances)}"
    return reason


def _value(objective: Objective, point: Point, distances: Mapping[str, float]) -> str:
    match objective:
        case "smallest":
            return f"{point.bytes:,} bytes"
        case "most-accurate":
            return f"{point.cents:.4f} cents"
        case "fastest":
            return point.speedup.text() if point.speedup else "no speed"
        case "balanced":
            return f"{distances[point.name]:.2f}"


def dominance_reason(dominating: Point, dominated: Point) -> str:
    """Returns what a point gains over one that it dominates."""
    signs = compare_points(dominating, dominated)
    gains = [word for word, sign in zip(("more accurate", "smaller", "faster"), signs, strict=True) if sign > 0]
    return f"{dominating.name} is {' and '.join(gains)}, and not worse on any axis"
