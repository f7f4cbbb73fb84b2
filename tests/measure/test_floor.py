"""The dither against the statistics of triangular noise, the floor against figures worked out by hand."""

import numpy as np
import pytest

from tests.helpers.frames import frames_of, paired
from workbench.measure.floor import add_dither, floor

LEAST_BIT = 1 / 32768  # 16 bits hold -32768 .. 32767
TONE = (0.25 * np.sin(2 * np.pi * 440 * np.arange(96_000) / 48_000)).astype(np.float32)


@pytest.mark.parametrize("samples", [np.zeros(200_000, np.float32), TONE], ids=["silence", "tone"])
def test_dither_is_triangular_white_and_reproducible(samples: np.ndarray) -> None:
    """Of two uniform variables one bit wide: variance 2 / 12, kurtosis 2.4 (uniform: 1.8, Gaussian: 3)."""
    before, dithered = samples.copy(), add_dither(samples)
    assert np.array_equal(samples, before)
    assert dithered.dtype == np.float32 and np.array_equal(add_dither(samples), dithered)
    bits = (dithered.astype(np.float64) - samples) / LEAST_BIT
    assert 0.95 < np.abs(bits).max() <= 1 + 2**-9  # float32 rounds the sum, below 0.5 by up to 2**-26
    assert bits.mean() == pytest.approx(0, abs=0.005)
    assert bits.var() == pytest.approx(1 / 6, rel=0.02)
    assert (bits**4).mean() / bits.var() ** 2 == pytest.approx(2.4, abs=0.05)
    assert (np.abs(bits) < 0.5).mean() == pytest.approx(0.75, abs=0.01)  # a triangle's middle half
    assert abs(np.corrcoef(bits[1:], bits[:-1])[0, 1]) < 0.02
    assert not samples.any() or abs(np.corrcoef(bits, samples)[0, 1]) < 0.02


def test_floor_pools_the_voiced_frames_of_clips() -> None:
    still = frames_of([60, 60, 60], 0.5)
    first = paired(still, frames_of([60.25, 72, 60], [0.5, 0.75, 0.5]), [True, False, True])
    figures = floor([first, paired(still, frames_of([59, 60, 60], 0.5), [True, False, False], "sung/b")])
    # voiced cents: 25, 0, 100; p95 lies 0.95 * 2 = 1.9 steps up: 25 + 0.9 * 75
    assert (figures.pitch.median_cents, figures.pitch.max_cents, figures.pitch.bias_cents) == (25.0, 100.0, -25.0)
    assert figures.pitch.p95_cents == pytest.approx(92.5, abs=1e-9)
    # confidence of all six: five 0 and 0.25; p95 lies 4.75 steps up
    assert (figures.confidence.p95, figures.confidence.max) == pytest.approx((0.1875, 0.25), abs=1e-12)
