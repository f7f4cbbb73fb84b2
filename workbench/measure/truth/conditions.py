"""Conditions in which a program has to work: noise of a known level, other gains, and ranges of pitch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from workbench.audio.decode import Clip
from workbench.audio.pitch_ranges import RANGES, range_clips
from workbench.runtime.session import Floats
from workbench.storage.hashing import sha256_of

_NOISE = (
    "pink noise (equal power in every octave from 20 Hz to half of the sample rate), seeded by the name of the clip"
)
_LOWEST_HZ = 20.0


@dataclass(frozen=True, eq=False)
class Condition:
    """A condition.

    Attributes:
        name: Its name.
        sound: What the clips are, or what was done to them.
        clips: Clips with a known f0.
    """

    name: str
    sound: str
    clips: tuple[Clip, ...]


def conditions(clips: Sequence[Clip], snrs_db: Sequence[float], gains_db: Sequence[float]) -> Iterator[Condition]:
    """Yields the clips as they are, with noise, and with gain.

    Args:
        clips: Clips with a known f0; at least one has a voiced part.
        snrs_db: The signal-to-noise ratios.
        gains_db: The gains.
    """
    yield Condition("clean", "the clips as they are", tuple(clips))
    for snr_db in snrs_db:
        yield Condition(f"noise at {snr_db:g} dB", _NOISE, with_noise(clips, snr_db))
    for gain_db in gains_db:
        yield Condition(
            f"gain of {gain_db:+g} dB", "louder or softer, clipped at full scale", with_gain(clips, gain_db)
        )


def range_conditions(sample_rate_hz: int) -> Iterator[Condition]:
    """Yields the rendered clips of each range of pitch."""
    for each in RANGES:
        yield Condition(
            f"{each.name}, {each.low_hz:g} to {each.high_hz:g} Hz", each.sound, tuple(range_clips(each, sample_rate_hz))
        )


def with_noise(clips: Sequence[Clip], snr_db: float) -> tuple[Clip, ...]:
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
        noisy.append(_with_samples(clip, clip.samples + noise))
    return tuple(noisy)


def with_gain(clips: Sequence[Clip], gain_db: float) -> tuple[Clip, ...]:
    """Returns louder or softer clips. What is beyond full scale is clipped, as an audio interface does."""
    factor = 10 ** (gain_db / 20)
    return tuple(_with_samples(clip, np.clip(clip.samples * factor, -1, 1)) for clip in clips)


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


def _with_samples(clip: Clip, samples: Floats) -> Clip:
    samples = samples.astype(np.float32)
    return replace(clip, samples=samples, sha256=sha256_of(samples.tobytes()))
