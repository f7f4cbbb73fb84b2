"""A figure that was taken once in each timing round: its median and how far the rounds lie apart.

The speed of a machine drifts while it is timed. Figures of the same round share that drift, so a ratio is taken within
each round, and its spread over the rounds is reported with it.
"""

from typing import Self

import numpy as np
from numpy.typing import NDArray

from workbench.record_model import RecordModel


class Spread(RecordModel):
    """A figure over timing rounds.

    Attributes:
        p50: The median.
        low: The 10th percentile.
        high: The 90th percentile.
    """

    p50: float
    low: float
    high: float

    @classmethod
    def over_rounds(cls, values: NDArray[np.float64]) -> Self:
        """Summarizes (rounds,) values of any unit."""
        low, p50, high = np.percentile(values, (10, 50, 90))
        return cls(p50=float(p50), low=float(low), high=float(high))

    @property
    def ratio(self) -> float:
        """`high` / `low`, for positive figures: how many times the rounds differ."""
        return self.high / self.low

    def overlaps(self, other: "Spread") -> bool:
        """Returns whether the two have a value in common. The rounds cannot separate figures that overlap."""
        return self.low <= other.high and other.low <= self.high

    def text(self, decimals: int = 2) -> str:
        """Returns the median with the 10th and 90th percentile, for example `5.00 (4.50–5.50)`."""
        p50, low, high = (f"{value:.{decimals}f}" for value in (self.p50, self.low, self.high))
        return f"{p50} ({low}–{high})"
