"""Axes of the charts that are drawn as HTML: where a value lies, in percent of the width, and the ticks."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

Ticks = list[tuple[float, str]]


@dataclass(frozen=True)
class LogAxis:
    """From `low` to `high`, both positive; what lies outside is drawn at the end."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """Percent of the width."""
        span = math.log10(self.high / self.low)
        return _within(100 * math.log10(max(value, self.low) / self.low) / span)

    def ticks(self) -> Ticks:
        """Powers of ten, with 2 and 5 between them where there are few; the place in percent, and the label."""
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        steps = (1, 2, 5) if len(decades) <= 4 else (1,)
        values = [step * 10.0**decade for decade in decades for step in steps]
        return [(self.at(value), f"{value:g}") for value in values if self.low <= value <= self.high]


@dataclass(frozen=True)
class LinearAxis:
    """From `low` to `high`."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """Percent of the width."""
        return _within(100 * (value - self.low) / (self.high - self.low))

    def ticks(self) -> Ticks:
        """About four round values."""
        rough = (self.high - self.low) / 4
        unit = 10.0 ** math.floor(math.log10(rough))
        step = next(unit * times for times in (1, 2, 5, 10) if unit * times >= rough)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [(self.at(times * step), f"{times * step:.6g}".replace("-", "−")) for times in range(first, last + 1)]


def log_axis(values: Iterable[float]) -> LogAxis:
    """Wide enough for all positive values, with a little room."""
    positive = [value for value in values if value > 0] or [1.0]
    return LogAxis(min(positive) / 1.25, max(positive) * 1.25)


def linear_axis(values: Iterable[float]) -> LinearAxis:
    """Wide enough for all values and for 0."""
    found = [0.0, *values]
    low, high = min(found), max(found)
    return LinearAxis(low, high if high > low else low + 1)


def _within(percent: float) -> float:
    return round(min(100.0, max(0.0, percent)), 3)
