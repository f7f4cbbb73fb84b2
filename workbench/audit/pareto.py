"""The Pareto front over deviation, bytes and speed, and the point on it that is nearest to the best of all three."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.measure.spread import Spread


@dataclass(frozen=True)
class Point:
    """One variant: pitch deviation (p95, cents) and bytes, the fewer the better, and its speed, the more the better;
    None where it cannot be compared."""

    name: str
    cents: float
    bytes: int
    speedup: Spread | None = None


@dataclass(frozen=True)
class Front:
    """`points` that no other dominates, in the order given; `dominated`: each other's name -> those that dominate it,
    of the front where any of it does."""

    points: tuple[Point, ...]
    dominated: dict[str, tuple[str, ...]]


def compare_points(one: Point, other: Point) -> tuple[int, int, int]:
    """How one does against the other in deviation, bytes and speed: 1 better, 0 equal or not to be told, -1 worse.

    A speed counts as better only where the rounds tell the two apart: where the intervals do not overlap.
    """
    faster = 0
    if one.speedup and other.speedup and not one.speedup.overlaps(other.speedup):
        faster = 1 if one.speedup.p50 > other.speedup.p50 else -1
    return (
        (one.cents < other.cents) - (one.cents > other.cents),
        (one.bytes < other.bytes) - (one.bytes > other.bytes),
        faster,
    )


def dominates(one: Point, other: Point) -> bool:
    """Whether one is better than the other in something and worse in nothing."""
    signs = compare_points(one, other)
    return min(signs) >= 0 and max(signs) > 0


def pareto_front(points: Sequence[Point]) -> Front:
    """The points, of different names, that no other dominates: whoever wants less of one axis pays in another.

    Never empty for points that are some: dominance has no circles, though with intervals it is not transitive. Speeds
    count where every point has one, and else not at all.
    """
    if not all(point.speedup for point in points):
        points = [Point(point.name, point.cents, point.bytes) for point in points]
    by = {point.name: [other.name for other in points if dominates(other, point)] for point in points}
    ahead = tuple(point for point in points if not by[point.name])
    names = {point.name for point in ahead}
    dominated = {
        name: tuple([one for one in others if one in names] or others) for name, others in by.items() if others
    }
    return Front(ahead, dominated)


def distance_to_ideal(points: Sequence[Point], floor_cents: float) -> dict[str, float]:
    """Each point's distance to the ideal one, which has the best of every axis over these points, by name.

    Compromise programming (Yu, "A class of solutions for group decision problems", Management Science 19(8), 1973)
    with the normalization of Marler and Arora ("Survey of multi-objective optimization methods for engineering",
    Structural and Multidisciplinary Optimization 26, 2004): each axis from 0, the best of these points, to 1, the
    worst; then the Euclidean distance, every axis weighing the same. The axes are logarithms, as a variant is so many
    times smaller or faster than another, and deviations below `floor_cents` count as the floor. Takes points with
    speeds.
    """
    floor_cents = max(floor_cents, _LEAST_CENTS)
    axes = [
        [math.log(max(point.cents, floor_cents)) for point in points],
        [math.log(point.bytes) for point in points],
        [-math.log(point.speedup.p50) for point in points if point.speedup],
    ]
    return {point.name: math.hypot(*(_share(axis, at) for axis in axes)) for at, point in enumerate(points)}


_LEAST_CENTS = 1e-3  # a logarithm needs one; float32 resolves a pitch no finer


def _share(axis: Sequence[float], at: int) -> float:
    """From 0, the least of the axis, to 1, the largest; 0 where all are the same."""
    width = max(axis) - min(axis)
    return (axis[at] - min(axis)) / width if width else 0.0
