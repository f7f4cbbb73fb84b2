"""Axes of the charts that are drawn as HTML: a value's position in percent of the width, and the ticks."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from matplotlib.ticker import LogLocator, MaxNLocator

Ticks = list[tuple[float, str]]
"""The position of each tick in percent, and its label."""
_MAX_TICKS = 100
_FEW_DECADES = 4  # up to here, 2 and 5 times a power of ten have ticks too


@dataclass(frozen=True)
class LogAxis:
    """From `low` to `high`, both positive; a value outside is drawn at the end."""

    low: float
    high: float

    def percent(self, value: float) -> float:
        """Returns the position of a value in percent of the width."""
        return _clamp(100 * math.log10(max(value, self.low) / self.low) / math.log10(self.high / self.low))

    def ticks(self) -> Ticks:
        """Returns ticks at powers of ten, and at 2 and 5 times them if the axis is short."""
        decades = math.ceil(math.log10(self.high)) - math.floor(math.log10(self.low)) + 1
        locator = LogLocator(subs=(1, 2, 5) if decades <= _FEW_DECADES else (1,), numticks=_MAX_TICKS)
        values = [float(value) for value in locator.tick_values(self.low, self.high)]
        return [(self.percent(value), f"{value:g}") for value in values if self.low <= value <= self.high]


@dataclass(frozen=True)
class LinearAxis:
    """From `low` to `high`; a value outside is drawn at the end."""

    low: float
    high: float

    def percent(self, value: float) -> float:
        """Returns the position of a value in percent of the width."""
        return _clamp(100 * (value - self.low) / (self.high - self.low))

    def ticks(self) -> Ticks:
        """Returns about four ticks at round values."""
        locator = MaxNLocator(nbins=4, steps=[1, 2, 5, 10], min_n_ticks=1)
        rounding_error = 1e-9 * (self.high - self.low)
        return [
            (self.percent(value), f"{0.0 if abs(value) < rounding_error else value:.6g}".replace("-", "−"))
            for value in map(float, locator.tick_values(self.low, self.high))
            if self.low - rounding_error <= value <= self.high + rounding_error
        ]


def log_axis(values: Iterable[float]) -> LogAxis:
    """Returns an axis wide enough for all positive values, with a little room."""
    positive = [value for value in values if value > 0] or [1.0]
    return LogAxis(min(positive) / 1.25, max(positive) * 1.25)


def linear_axis(values: Iterable[float]) -> LinearAxis:
    """Returns an axis wide enough for all values and for 0."""
    shown = [0.0, *values]
    low, high = min(shown), max(shown)
    return LinearAxis(low, high if high > low else low + 1)


def _clamp(percent: float) -> float:
    return round(min(100.0, max(0.0, percent)), 3)
