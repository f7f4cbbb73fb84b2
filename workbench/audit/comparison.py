"""The data of a comparison of two runs, and its values as text. `compare.py` makes the comparison."""

import json
from dataclasses import dataclass
from typing import Any, Literal

from workbench.records.metrics import Verdict

Judgement = Literal["worse", "better", "within tolerance", "no tolerance", "not compared", "gone", "new"]


@dataclass(frozen=True)
class Change:
    """A fact that differs; None on a side that does not have it."""

    part: Literal["verdict", "recipe", "environment", "audio", "program"]
    key: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Figure:
    """A metric that differs; None on a side that has no value. `why` is the reason for the judgement, or ""."""

    metric: str
    before: float | None
    after: float | None
    judgement: Judgement
    tolerance: str
    why: str = ""


@dataclass(frozen=True)
class Pair:
    """A variant before and after.

    `inconclusive` has what should have been compared and could not be, `notes` the rest.
    """

    name: str
    before: str
    after: str
    has_programs: bool  # on both sides
    changes: tuple[Change, ...]
    figures: tuple[Figure, ...]
    regressions: tuple[str, ...]
    improvements: tuple[str, ...]
    inconclusive: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """All pairs, and the variants that only one side has."""

    pairs: tuple[Pair, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        """fail: a regression; inconclusive: something of the reference could not be compared; otherwise pass."""
        if any(pair.regressions for pair in self.pairs):
            return "fail"
        missing = self.only_before or any(pair.inconclusive for pair in self.pairs)
        return "inconclusive" if missing else "pass"


def share(figure: Figure) -> str:
    """Returns the change as a share of the reference, for example " (+12.5%)"; "" if there is no such share."""
    if not figure.before or figure.after is None:
        return ""
    return f" ({100 * (figure.after - figure.before) / abs(figure.before):+.3g}%)"


def shown(value: Any) -> str:
    """Returns a number or a fact as text."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.0f}" if value.is_integer() and abs(value) >= 1000 else f"{value:.5g}"
    return str(value) if isinstance(value, str) else json.dumps(value)
