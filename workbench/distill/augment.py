"""Random changes of a sound, so that a student meets other microphones, rooms, levels and noises than the renderer has.

Every function takes and returns (samples,) float64. Levels are relative to the sound's own.
"""

from collections.abc import Callable

import numpy as np
from scipy.signal import firwin2, oaconvolve

from workbench.audio.synth_oscillator import Signal, pink_noise, rms
from workbench.recipe.students.section import Augmentation

_QUIET = 1e-9  # of silence, which has no level
Change = Callable[[Signal, np.random.Generator, int], Signal]


def augment(sound: Signal, settings: Augmentation, rng: np.random.Generator, sample_rate_hz: int) -> Signal:
    """Returns the sound with a random choice of the changes, at a random level."""
    changes: tuple[tuple[float, Change], ...] = (
        (settings.equalizer, _equalize),
        (settings.reverberation, _reverberate),
        (settings.noise, _add_noise),
        (settings.hum, _add_hum),
    )
    for share, change in changes:
        if rng.random() < share:
            sound = change(sound, rng, sample_rate_hz)
    sound = sound * _gain(rng.uniform(*settings.levels_dbfs)) / (rms(sound) + _QUIET)
    if rng.random() < settings.silence:
        sound = _with_gaps(sound, rng, sample_rate_hz)
    if rng.random() < settings.clipping:
        limit = 0.4 * np.abs(sound).max()
        sound = np.clip(sound, -limit, limit)
    return sound


def _equalize(sound: Signal, rng: np.random.Generator, sample_rate_hz: int) -> Signal:
    """Filters with a random walk over 13 frequencies, from -24 to 12 dB."""
    gains_db = np.clip(np.cumsum(rng.normal(0, 4, 13)), -24, 12)
    return np.asarray(oaconvolve(sound, firwin2(257, np.linspace(0, 1, 13), _gain(gains_db)), mode="same"))


def _reverberate(sound: Signal, rng: np.random.Generator, sample_rate_hz: int) -> Signal:
    """Adds a tail of noise that falls by 60 dB in 0.08 to 0.9 s."""
    samples = int(rng.uniform(0.08, 0.9) * sample_rate_hz)
    tail = rng.standard_normal(samples) * _gain(-60 * np.arange(samples) / samples)
    tail /= np.sqrt(np.square(tail).sum())
    wet = oaconvolve(sound, tail)[: len(sound)]
    return np.asarray(sound + _gain(rng.uniform(-20, -3)) * wet)


def _add_noise(sound: Signal, rng: np.random.Generator, sample_rate_hz: int) -> Signal:
    noise = pink_noise(len(sound), rng) if rng.random() < 0.6 else rng.standard_normal(len(sound))
    return sound + noise * rms(sound) * _gain(-rng.uniform(3, 60))


def _add_hum(sound: Signal, rng: np.random.Generator, sample_rate_hz: int) -> Signal:
    hum = np.sin(2 * np.pi * rng.choice([50, 60, 100, 120]) * np.arange(len(sound)) / sample_rate_hz)
    return np.asarray(sound + rms(sound) * _gain(-rng.uniform(10, 40)) * hum)


def _with_gaps(sound: Signal, rng: np.random.Generator, sample_rate_hz: int) -> Signal:
    sound = sound.copy()
    longest = min(sample_rate_hz // 2, len(sound))
    for _ in range(3):
        start = int(rng.integers(0, len(sound) - longest + 1))
        sound[start : start + int(rng.integers(longest // 10, longest + 1))] = 0.0
    return sound


def _gain(level_db: Signal | float) -> Signal:
    return np.asarray(10 ** (np.asarray(level_db) / 20))
