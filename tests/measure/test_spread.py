"""A figure over rounds."""

import numpy as np
import pytest

from workbench.measure.spread import Spread


def test_a_spread_is_the_median_and_the_outer_deciles() -> None:
    spread = Spread.over_rounds(np.arange(11.0)[::-1])
    assert (spread.low, spread.p50, spread.high) == (1, 5, 9)
    assert (spread.ratio, spread.text(), spread.text(1)) == (9, "5.00 (1.00–9.00)", "5.0 (1.0–9.0)")


@pytest.mark.parametrize(("low", "high", "overlaps"), [(3, 5, True), (1, 9, True), (4, 6, True), (5.5, 6, False)])
def test_spreads_overlap_if_they_share_a_value(low: float, high: float, overlaps: bool) -> None:
    spread, other = Spread(p50=3, low=2, high=4), Spread(p50=low, low=low, high=high)
    assert (spread.overlaps(other), other.overlaps(spread)) == (overlaps, overlaps)
