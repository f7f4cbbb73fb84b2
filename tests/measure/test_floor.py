"""The dither against the statistics of triangular noise, the floor against figures worked out by hand."""

import numpy as np
import pytest

from workbench.measure.deviation import PairedFrames
from workbench.measure.floor import add_dither, floor
from workbench.runtime.session import Frames

LEAST_BIT = 1 / 32768  # 16 bits hold -32768 .. 32767


def tone(seconds: float = 2.0, hz: float = 440.0) -> np.ndarray:
    return (0.25 * np.sin(2 * np.pi * hz * np.arange(round(48000 * seconds)) / 48000)).astype(np.float32)


def noise_bits(samples: np.ndarray) -> np.ndarray:
    return (add_dither(samples).astype(np.float64) - samples) / LEAST_BIT


def test_dither_moves_no_sample_by_more_than_a_least_bit() -> None:
    bits = noise_bits(np.zeros(96000, np.float32))
    assert 0.95 < np.abs(bits).max() <= 1
    assert np.abs(noise_bits(tone())).max() <= 1 + 2**-9  # float32 rounds the sum, below 0.5 by up to 2**-26


def test_dither_is_triangular() -> None:
    """Of two uniform variables one bit wide: variance 2 / 12, kurtosis 2.4 (uniform: 1.8, Gaussian: 3)."""
    bits = noise_bits(np.zeros(200_000, np.float32))
    assert bits.mean() == pytest.approx(0, abs=0.005)
    assert bits.var() == pytest.approx(1 / 6, rel=0.02)
    assert (bits**4).mean() / bits.var() ** 2 == pytest.approx(2.4, abs=0.05)
    assert (np.abs(bits) < 0.5).mean() == pytest.approx(0.75, abs=0.01)  # a triangle's middle half


def test_dither_does_not_follow_the_sound() -> None:
    sound = tone()
    assert abs(np.corrcoef(noise_bits(sound), sound)[0, 1]) < 0.02
    bits = noise_bits(np.zeros(96000, np.float32))
    assert abs(np.corrcoef(bits[1:], bits[:-1])[0, 1]) < 0.02  # white


def test_dither_is_the_same_each_time_and_leaves_its_input_alone() -> None:
    sound = tone(0.1)
    kept = sound.copy()
    first, second = add_dither(sound), add_dither(sound)
    assert first.dtype == np.float32 and first.shape == sound.shape
    assert np.array_equal(first, second) and not np.array_equal(first, sound)
    assert np.array_equal(sound, kept)


def frames(pitch: list[float], confidence: list[float]) -> Frames:
    return Frames(np.array(pitch, np.float32), np.array(confidence, np.float32), np.ones(len(pitch), np.float32))


def test_figures_are_of_the_voiced_frames_pooled_over_clips() -> None:
    still = frames([60, 60, 60], [0.5, 0.5, 0.5])
    first = PairedFrames(
        "a", still, frames([60.25, 72, 60], [0.5, 0.75, 0.5]), np.array([True, False, True]), "known f0"
    )
    second = PairedFrames("b", still, frames([59, 60, 60], [0.5, 0.5, 0.5]), np.array([True, False, False]), "known f0")
    figures = floor([first, second])
    # voiced cents: 25, 0, 100; p95 lies 0.95 * 2 = 1.9 steps up: 25 + 0.9 * 75
    assert (figures.pitch.median_cents, figures.pitch.max_cents, figures.pitch.bias_cents) == (25.0, 100.0, -25.0)
    assert figures.pitch.p95_cents == pytest.approx(92.5, abs=1e-9)
    # confidence of all six: five 0 and 0.25; p95 lies 4.75 steps up
    assert figures.confidence.p95 == pytest.approx(0.1875, abs=1e-12)
    assert figures.confidence.max == 0.25


def test_no_voiced_frame_is_no_floor_of_zero() -> None:
    still = frames([60], [0.5])
    figures = floor([PairedFrames("a", still, still, np.array([False]), "baseline confidence")])
    assert figures.pitch.p95_cents is None
    assert set(figures.pitch.null_reasons.values()) == {"no voiced frame"}
    assert figures.confidence.p95 == 0.0
