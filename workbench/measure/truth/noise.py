"""Noise of a known level on clips whose f0 is known."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from workbench.audio.decode import Clip
from workbench.runtime.session import Floats
from workbench.storage.hashing import sha256_of

NOISE = "pink (equal power in every octave) from 20 Hz to half of the sample rate, seeded by the name of the clip"
_LOWEST_HZ = 20.0


def with_noise(clips: Sequence[Clip], snr_db: float) -> list[Clip]:
    """Returns clips with pink noise, whose power is so many dB below that of their voiced parts.

    The voice keeps its level, on which the confidence of PESTO depends. A clip gets the same noise at every ratio, only
    louder or softer. A clip without a voiced part gets noise for the mean power of the voiced parts of the others.

    Args:
        clips: Clips with a known f0; at least one has a voiced part.
        snr_db: The signal-to-noise ratio.
    """
    voiced = [_voiced(clip) for clip in clips]
    mean_power = float(np.mean(np.concatenate([np.square(samples, dtype=np.float64) for samples in voiced])))
    noisy = []
    for clip, samples in zip(clips, voiced, strict=True):
        power = float(np.mean(np.square(samples, dtype=np.float64))) if len(samples) else mean_power
        noise = np.sqrt(power * 10 ** (-snr_db / 10)) * pink_noise(len(clip.samples), clip.sample_rate_hz, clip.name)
        mixed = (clip.samples + noise).astype(np.float32)
        noisy.append(replace(clip, samples=mixed, sha256=sha256_of(mixed.tobytes())))
    return noisy


def pink_noise(count: int, rate_hz: int, name: str) -> Floats:
    """Returns (count,) float32 of an rms of 1 whose power density falls with 1 / f from 20 Hz on; count > 1."""
    generator = np.random.default_rng(int(sha256_of(name.encode())[:16], 16))
    spectrum = np.fft.rfft(generator.standard_normal(count))
    hz = np.fft.rfftfreq(count, 1 / rate_hz)
    shaped = np.where(hz >= _LOWEST_HZ, spectrum / np.sqrt(np.maximum(hz, _LOWEST_HZ)), 0)
    noise = np.fft.irfft(shaped, count)
    rms = np.sqrt(np.square(noise).mean())
    return np.asarray(noise / rms if rms else noise, np.float32)


def _voiced(clip: Clip) -> Floats:
    """Returns the samples at which the known f0 is voiced."""
    assert clip.f0 is not None
    times_s = np.arange(len(clip.samples)) / clip.sample_rate_hz
    return clip.samples[np.nan_to_num(clip.f0.at(times_s)) > 0]
