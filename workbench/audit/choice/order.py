"""The order in which results are shown: by verdict, and then as the objective `balanced` of `pick` ranks them."""

from collections.abc import Sequence

from workbench.audit.choice.pareto import distance_to_ideal
from workbench.audit.choice.pick import largest_floor_cents, point_of
from workbench.audit.clock import common_clock
from workbench.records.metrics import Verdict
from workbench.records.result import Result

_VERDICTS: tuple[Verdict, ...] = ("pass", "inconclusive", "fail")


def display_order(results: Sequence[Result]) -> list[int]:
    """Returns the indices of results in the order in which they are shown.

    Within a verdict, a result that is nearer to the best deviation, size and speed of all results comes first; those
    without one of the three come last, in the given order.
    """
    named = {str(index): result for index, result in enumerate(results)}
    clock = common_clock(named).clock
    points = [point for name, result in named.items() if (point := point_of(name, result, clock))]
    distances = distance_to_ideal(points, largest_floor_cents(results))

    def key(index: int) -> tuple[int, float]:
        return _VERDICTS.index(results[index].verdict), distances.get(str(index), float("inf"))

    return sorted(range(len(results)), key=key)
