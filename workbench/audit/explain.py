"""What was picked, and why in words. `pick.py` does the picking."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from workbench.audit.pareto import Point, compare_points
from workbench.measure.spread import Spread
from workbench.record_model import RecordModel
from workbench.records.metrics import Verdict

Objective = Literal["smallest", "fastest", "most-accurate", "balanced"]
NEEDS_SPEED: tuple[Objective, ...] = ("fastest", "balanced")


class Candidate(RecordModel):
    """A variant that passes. `program` is where its `.pte` lies; `distance` is to the front's ideal point."""

    name: str
    folder: str
    program: str | None
    pitch_p95_cents: float
    bytes: int
    speedup_low: float
    speedup_p50: float
    speedup_high: float
    distance: float | None

    @property
    def speedup(self) -> Spread:
        """How many times faster the variant is than the baseline, over rounds."""
        return Spread(p50=self.speedup_p50, low=self.speedup_low, high=self.speedup_high)


class Dominated(RecordModel):
    """A variant that passes, and those that are better in something and worse in nothing, with the first one's gain."""

    candidate: Candidate
    by: tuple[str, ...]
    how: str


class Rejected(RecordModel):
    """A variant that is no candidate, and why."""

    name: str
    folder: str
    verdict: Verdict
    reasons: tuple[str, ...]


class Choice(RecordModel):
    """`front` has the winner first, then by the objective; `left_out` does not compare with what `like` names; `why`
    has a line for each reason, `warnings` for each thing that could not be compared."""

    objective: Objective
    winner: Candidate | None
    why: tuple[str, ...]
    warnings: tuple[str, ...]
    front: tuple[Candidate, ...]
    dominated: tuple[Dominated, ...]
    rejected: tuple[Rejected, ...]
    left_out: tuple[Rejected, ...] = ()


def reasons_for(
    objective: Objective, ranked: Sequence[Point], points: Sequence[Point], far: Mapping[str, float], floor_cents: float
) -> tuple[str, ...]:
    """Why the first of `ranked`, which are on the front, was chosen of the `points` that pass: against the next, and
    what is not claimed of it."""
    first, others = ranked[0], [point for point in points if point.name != ranked[0].name]
    if not others:
        return (f"{first.name} is the only one that passes",)
    says: dict[Objective, Callable[[Point], str]] = {
        "smallest": lambda point: f"{point.bytes:,} bytes",
        "most-accurate": lambda point: f"{point.cents:.4f} cents",
        "fastest": lambda point: _speed_in_words(point),
        "balanced": lambda point: f"{far[point.name]:.2f}",
    }
    what = {
        "smallest": "has the fewest bytes",
        "most-accurate": "deviates least in pitch (p95)",
        "fastest": "has the largest median of times faster",
        "balanced": "lies nearest to the best of all three axes (0; the worst of all is 1.73)",
    }[objective]
    # one that is dominated may have the larger median, within its spread, or the smaller deviation, below the floor
    among = f"{len(points)} that pass" if objective == "smallest" else f"{len(ranked)} on the front"
    why = [f"{first.name} {what} of the {among}: {says[objective](first)}"]
    if len(ranked) == 1 and objective != "smallest":
        why = [f"{first.name} is the only one on the front of the {len(points)} that pass"]
    if len(ranked) > 1:
        why[0] += f"; next on the front is {ranked[1].name} with {says[objective](ranked[1])}"
    near = [point.name for point in others if max(point.cents, first.cents) <= floor_cents]
    if objective == "most-accurate" and near:
        why.append(
            f"it is not claimed to sound better than {', '.join(near)}: all deviate by less than 16-bit dither on the "
            f"input does ({floor_cents:.4f} cents)"
        )
    tied = [point.name for point in others if first.speedup and not compare_points(first, point)[2]]
    if objective in NEEDS_SPEED and tied:
        why.append(f"it is not claimed to be faster than {', '.join(tied)}: their rounds overlap with its own")
    return tuple(why)


def _speed_in_words(point: Point) -> str:
    return point.speedup.text() if point.speedup else "no speed"


def dominance_reason(better: Point, than: Point) -> str:
    """What the one that dominates gains."""
    signs = compare_points(better, than)
    gains = [word for word, sign in zip(("more accurate", "smaller", "faster"), signs, strict=True) if sign > 0]
    return f"{better.name} is {' and '.join(gains)}, and worse in nothing"
