"""Variants that a choice is made of: each is the best by one figure."""

from typing import Any

from tests.helpers.records.results import kept, natively, stored
from workbench.audit.choice.explain import Choice, Objective
from workbench.audit.choice.pick import pick
from workbench.records.result import Result


def variant(name: str, cents: float, size: int, p50: float, spread: float = 0.1) -> Result:
    return stored(
        renamed=name,
        deviation__pitch__p95_cents=cents,
        program__bytes=size,
        speed__speedup_p50=p50,
        speed__speedup_low=p50 - spread,
        speed__speedup_high=p50 + spread,
        floor__pitch__p95_cents=0.1,
        recipe__resolved__gates={"deviation.pitch.p95_cents": "<= 10"},
        verdict="pass",
    )


ACCURATE = variant("accurate", 0.5, 4000, 2.0)
SMALL = variant("small", 8.0, 1000, 3.0)
FAST = variant("fast", 4.0, 3000, 8.0)
MIDDLE = variant("middle", 1.0, 1500, 6.0)
WORSE = variant("worse", 9.0, 5000, 1.0)
BELOW_FLOOR = variant("a", 0.01, 4000, 2.0)
NATIVE = [natively(FAST, 9.0), natively(MIDDLE, 12.0), natively(SMALL, 4.0)]
ALL = [kept(result) for result in (ACCURATE, SMALL, FAST, MIDDLE, WORSE)]


def pick_of(*results: Result, objective: Objective = "smallest", **options: Any) -> Choice:
    return pick([kept(result) for result in results], objective, **options)
