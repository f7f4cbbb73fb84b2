"""The Pareto front over deviation, bytes and speed, and the distance of its points to the ideal one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.measure.spread import Spread

_MIN_CENTS = 1e-3  # the logarithm needs a minimum; float32 resolves a pitch no finer


@dataclass(frozen=True)
class Point:
    """One variant: pitch deviation (p95, cents) and bytes, lower is better, and speedup, higher is better. `speedup` is
    None if speeds are not comparable."""

    name: str
    cents: float
    bytes: int
    speedup: Spread | None = None


@dataclass(frozen=True)
class Front:
    """The points that no other point dominates, in the given order.

    `dominated` has for each other point the names of those that dominate it: those on the front, if there are any.
    """

    points: tuple[Point, ...]
    dominated: dict[str, tuple[str, ...]]


def compare_points(first: Point, second: Point) -> tuple[int, int, int]:
    """Returns for deviation, bytes and speed: 1 if the first is better, -1 if it is worse, 0 if they are equal.

    Speeds whose ranges over the timing rounds overlap count as equal.
    """
    faster = 0
    if first.speedup and second.speedup and not first.speedup.overlaps(second.speedup):
        faster = 1 if first.speedup.p50 > second.speedup.p50 else -1
    return (
        (first.cents < second.cents) - (first.cents > second.cents),
        (first.bytes < second.bytes) - (first.bytes > second.bytes),
        faster,
    )


def dominates(first: Point, second: Point) -> bool:
    """Whether the first is better on an axis and worse on none."""
    signs = compare_points(first, second)
    return min(signs) >= 0 and max(signs) > 0


def pareto_front(points: Sequence[Point]) -> Front:
    """Returns the points that no other point dominates. Their names must be different.

    It has at least one point if there are any: dominance has no cycles, although with ranges it is not transitive.
    Speeds count only if every point has one.
    """
    if not all(point.speedup for point in points):
        points = [Point(point.name, point.cents, point.bytes) for point in points]
    dominating = {point.name: [other.name for other in points if dominates(other, point)] for point in points}
    front = tuple(point for point in points if not dominating[point.name])
    front_names = {point.name for point in front}
    dominated = {
        name: tuple([other for other in others if other in front_names] or others)
        for name, others in dominating.items()
        if others
    }
    return Front(front, dominated)


def distance_to_ideal(points: Sequence[Point], floor_cents: float) -> dict[str, float]:
    """Returns by name the distance of each point to the ideal point, which has the best value of every axis.

    Compromise programming (Yu, "A class of solutions for group decision problems", Management Science 19(8), 1973)
    with the normalization of Marler and Arora ("Survey of multi-objective optimization methods for engineering",
    Structural and Multidisciplinary Optimization 26, 2004): each axis is scaled from 0, the best of these points, to 1,
    the worst; the distance is Euclidean, and all axes have the same weight. The axes are logarithms, because sizes and
    speeds are compared by their ratios.

    Args:
        points: points that all have a speed.
        floor_cents: smaller deviations count as this one.
    """
    floor_cents = max(floor_cents, _MIN_CENTS)
    axes = [
        [math.log(max(point.cents, floor_cents)) for point in points],
        [math.log(point.bytes) for point in points],
        [-math.log(point.speedup.p50) for point in points if point.speedup],
    ]
    return {point.name: math.hypot(*(_scaled(axis, index) for axis in axes)) for index, point in enumerate(points)}


def _scaled(axis: Sequence[float], index: int) -> float:
    """From 0, the smallest value of the axis, to 1, the largest; 0 if all are the same."""
    width = max(axis) - min(axis)
    return (axis[index] - min(axis)) / width if width else 0.0
