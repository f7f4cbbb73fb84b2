"""The Pareto front, against its definition written out and examples worked by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.audit.pareto import Point, compare_points, distance_to_ideal, dominates, pareto_front
from workbench.measure.spread import Spread


def point(name: str, cents: float, size: int, p50: float = 2.0, spread: float = 0.0) -> Point:
    return Point(name, cents, size, Spread(p50=p50, low=p50 - spread, high=p50 + spread))


def test_who_is_better_in_nothing_is_dominated() -> None:
    points = [point("a", 1, 100), point("b", 2, 50), point("c", 2, 100), point("d", 2, 50, p50=1.0)]
    found = pareto_front(points)
    assert [one.name for one in found.points] == ["a", "b"]
    assert found.dominated == {"c": ("a", "b"), "d": ("b",)}


def test_equals_are_both_on_the_front() -> None:
    assert [one.name for one in pareto_front([point("a", 1, 100), point("b", 1, 100)]).points] == ["a", "b"]


@pytest.mark.parametrize(
    ("spread", "names", "sign"),
    [(0.4, ["big", "fast"], -1), (0.5, ["big"], 0), (0.6, ["big"], 0)],
    ids=["apart", "touching", "overlapping"],
)
def test_a_speed_counts_only_where_the_spreads_are_apart(spread: float, names: list[str], sign: int) -> None:
    """At 2 and 3 times as fast, a variant that only may be faster does not stay ahead of one that is more accurate."""
    slow, fast = point("big", 1, 100, 2.0, spread), point("fast", 2, 100, 3.0, spread)
    assert compare_points(slow, fast)[2] == sign
    assert compare_points(fast, slow)[2] == -sign
    assert [one.name for one in pareto_front([slow, fast]).points] == names


def test_speeds_that_not_all_have_do_not_count() -> None:
    points = [point("a", 1, 100, 1.0), point("b", 2, 100, 9.0), Point("c", 3, 50)]
    assert [one.name for one in pareto_front(points).points] == ["a", "c"]
    assert pareto_front(points).dominated == {"b": ("a",)}


def test_no_points_no_front() -> None:
    assert pareto_front([]).points == ()


POINTS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(1, 4), st.integers(1, 6), st.integers(0, 2)), min_size=1, max_size=7
).map(lambda rows: [point(str(at), *row) for at, row in enumerate(rows)])


@given(POINTS)
def test_the_front_is_what_nothing_dominates(points: list[Point]) -> None:
    """The definition: no worse on any axis, better on one; two speeds differ if their spreads do not overlap."""

    def beats(one: Point, other: Point) -> bool:
        assert one.speedup and other.speedup
        no_worse = one.cents <= other.cents and one.bytes <= other.bytes and not one.speedup.high < other.speedup.low
        return no_worse and (one.cents < other.cents or one.bytes < other.bytes or one.speedup.low > other.speedup.high)

    found = pareto_front(points)
    assert found.points  # dominance has no circles
    assert [one.name for one in found.points] == [
        one.name for one in points if not any(beats(other, one) for other in points)
    ]
    assert set(found.dominated) == {one.name for one in points} - {one.name for one in found.points}
    by_name = {one.name: one for one in points}
    for name, others in found.dominated.items():
        assert others
        assert all(beats(by_name[other], by_name[name]) for other in others)
    assert not any(dominates(one, one) for one in points)


def test_distances_worked_by_hand() -> None:
    """Axes in powers of ten, so that logarithms are shares: deviation 0.1 to 10, bytes 10 to 1000, speed 1 to 100."""
    points = [point("a", 0.1, 1000, 1.0), point("b", 1, 100, 10.0), point("c", 10, 10, 100.0)]
    found = distance_to_ideal(points, floor_cents=0.0)
    assert found["a"] == pytest.approx(math.sqrt(0 + 1 + 1))
    assert found["b"] == pytest.approx(math.sqrt(3 * 0.25))
    assert found["c"] == pytest.approx(math.sqrt(1 + 0 + 0))


def test_below_the_floor_all_deviations_are_the_same() -> None:
    points = [point("a", 0.0, 1000), point("b", 0.1, 100)]
    assert distance_to_ideal(points, floor_cents=0.2) == {"a": pytest.approx(1.0), "b": 0.0}
    assert distance_to_ideal(points, floor_cents=0.0) == {"a": pytest.approx(1.0), "b": pytest.approx(1.0)}


def test_a_point_alone_is_ideal() -> None:
    assert distance_to_ideal([point("a", 0.0, 1)], 0.0) == {"a": 0.0}
