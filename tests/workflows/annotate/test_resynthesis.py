"""What WORLD sings again has the f0 that is stated, by the measure of another program."""

from importlib.util import find_spec

import numpy as np
import pytest

if find_spec("pyworld") is None:  # importing it by itself requires pkg_resources
    pytest.skip("pyworld is not installed", allow_module_level=True)
parselmouth = pytest.importorskip("parselmouth")

from workbench.workflows.annotate.resynthesis import resynthesize  # noqa: E402

RATE_HZ = 16_000
TIMES_S = np.arange(2 * RATE_HZ) / RATE_HZ


def sung(times_s: np.ndarray) -> np.ndarray:
    """f0 in hertz: a glide of half an octave with vibrato, from 0.4 to 1.6 s."""
    hz = 220 * 2 ** (times_s / 4 + 0.02 * np.sin(2 * np.pi * 5 * times_s))
    return np.where((times_s > 0.4) & (times_s < 1.6), hz, 0.0)


def test_resynthesis_sings_exactly_the_f0_that_it_states() -> None:
    phase = 2 * np.pi * np.cumsum(sung(TIMES_S)) / RATE_HZ
    voice = 0.1 * (sung(TIMES_S) > 0) * sum(np.sin(k * phase) / k for k in range(1, 9))
    hiss = 1e-4 * np.random.default_rng(0).standard_normal(len(TIMES_S))
    samples, track = resynthesize((voice + hiss).astype(np.float32), RATE_HZ)
    assert (len(samples), samples.dtype, track.kind) == (len(TIMES_S), np.float32, "resynthesis")
    truth = sung(track.times_s)
    both = (track.hz > 0) & (truth > 0)
    assert both.sum() > 0.95 * (truth > 0).sum() and (track.hz > 0).sum() < 1.05 * (truth > 0).sum()
    assert np.median(np.abs(1200 * np.log2(track.hz[both] / truth[both]))) < 5

    pitch = parselmouth.Sound(samples.astype(float), RATE_HZ).to_pitch_ac(time_step=0.005)
    found, stated = pitch.selected_array["frequency"], track.at(pitch.xs())
    both = (found > 0) & (stated > 0)
    error = np.abs(1200 * np.log2(found[both] / stated[both]))
    assert both.sum() > 0.9 * (stated > 0).sum() and np.median(error) < 3 and (error < 50).mean() > 0.99


def test_noise_is_not_sung() -> None:
    samples, track = resynthesize(np.random.default_rng(0).standard_normal(RATE_HZ).astype(np.float32) / 10, RATE_HZ)
    assert (track.hz > 0).mean() < 0.1 and np.isfinite(samples).all()
