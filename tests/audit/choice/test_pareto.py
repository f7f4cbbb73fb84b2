"""The Pareto front, against its definition and against examples worked by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.audit.choice.pareto import Point, distance_to_ideal, dominates, pareto_front
from workbench.measure.spread import Spread


def point(name: str, cents: float, size: int, p50: float = 2.0, spread: float = 0.0) -> Point:
    return Point(name, cents, size, Spread(p50=p50, low=p50 - spread, high=p50 + spread))


def test_pareto_front_has_no_speed_unless_all_have_one() -> None:
    front = pareto_front([point("a", 1, 100, 1.0), point("b", 2, 100, 9.0), Point("c", 3, 50)])
    assert ([found.name for found in front.points], front.dominated) == (["a", "c"], {"b": ("a",)})
    assert pareto_front([]).points == ()


ROWS = st.tuples(st.integers(0, 3), st.integers(1, 4), st.integers(1, 6), st.integers(0, 2))
POINTS = st.lists(ROWS, min_size=1, max_size=7).map(
    lambda rows: [point(str(index), *row) for index, row in enumerate(rows)]
)


@given(POINTS)
def test_pareto_front_is_what_nothing_dominates(points: list[Point]) -> None:
    """The definition: no worse on any axis, better on one; two speeds differ if their spreads do not overlap."""

    def beats(a: Point, b: Point) -> bool:
        assert a.speedup and b.speedup
        no_worse = a.cents <= b.cents and a.bytes <= b.bytes and not a.speedup.high < b.speedup.low
        return no_worse and (a.cents < b.cents or a.bytes < b.bytes or a.speedup.low > b.speedup.high)

    front = pareto_front(points)
    assert front.points  # dominance has no cycles
    beaten_by = {each.name: [other for other in points if beats(other, each)] for each in points}
    assert [each.name for each in front.points] == [name for name, others in beaten_by.items() if not others]
    expected = {
        name: tuple(other.name for other in others if other in front.points) or tuple(other.name for other in others)
        for name, others in beaten_by.items()
        if others
    }
    assert front.dominated == expected
    assert not any(dominates(each, each) for each in points)


def test_distance_to_ideal_worked_by_hand() -> None:
    """Axes in powers of ten, so that logarithms are shares: deviation 0.1 to 10, bytes 10 to 1000, speed 1 to 100."""
    points = [point("a", 0.1, 1000, 1.0), point("b", 1, 100, 10.0), point("c", 10, 10, 100.0)]
    expected = {"a": math.sqrt(2), "b": math.sqrt(0.75), "c": 1.0}
    assert distance_to_ideal(points, floor_cents=0.0) == pytest.approx(expected)
    assert distance_to_ideal(points[:1], floor_cents=0.0) == {"a": 0.0}


def test_distance_counts_deviations_below_the_floor_as_equal() -> None:
    points = [point("a", 0.0, 1000), point("b", 0.1, 100)]
    assert distance_to_ideal(points, floor_cents=0.2) == {"a": pytest.approx(1.0), "b": 0.0}
    assert distance_to_ideal(points, floor_cents=0.0) == pytest.approx({"a": 1.0, "b": 1.0})
