"""Harmonic sound with an exact f0: the phase is the integral of f0, and every harmonic stays below Nyquist."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import cumulative_trapezoid
from scipy.signal import butter, sosfiltfilt

from workbench.audio.synth_manifest import RENDER_RATE_HZ

VOICED_FLOOR = 0.01
"""-40 dB: a note is unvoiced where its envelope is below this."""

# Harmonics fade out over the last 2 kHz below this; 4 kHz remain to Nyquist for the sidebands of fast vibrato.
_TOP_HZ, _FADE_HZ = 20_000.0, 2_000.0

Signal = NDArray[np.float64]


def phase_rad(f0_hz: Signal) -> Signal:
    """Returns the phase (n,) in radians of an oscillator with the frequency `f0_hz` (n,), all positive."""
    return np.asarray(2 * np.pi / RENDER_RATE_HZ * cumulative_trapezoid(f0_hz, initial=0.0))


def harmonic_sum(f0_hz: Signal, harmonics: int, amplitude: Callable[[int], Signal | float]) -> Signal:
    """Returns the sum (samples,) of `amplitude(n) * sin(n * phase)` for the harmonics n that stay below 20 kHz.

    All harmonics share one phase, so the period is exact.

    Args:
        f0_hz: (samples,), all positive.
        harmonics: The highest n.
        amplitude: Returns the amplitude of the n-th harmonic, (samples,) or a constant.
    """
    turn = np.exp(1j * phase_rad(f0_hz))
    wave = np.ones_like(turn)
    total, highest_f0_hz = np.zeros_like(f0_hz), f0_hz.max()
    for n in range(1, min(harmonics, int(_TOP_HZ / f0_hz.min())) + 1):
        wave *= turn  # now exp(1j * n * phase)
        part = amplitude(n) * wave.imag
        if n * highest_f0_hz > _TOP_HZ - _FADE_HZ:
            part *= np.clip((_TOP_HZ - n * f0_hz) / _FADE_HZ, 0.0, 1.0)
        total += part
    return total


def raised_cosine_envelope(samples: int, attack_s: float, release_s: float) -> Signal:
    """Returns an envelope (samples,) that rises and falls as a raised cosine; both are shortened for a short note."""
    stretch = min(1.0, samples / (RENDER_RATE_HZ * (attack_s + release_s)))
    attack, release = (max(1, int(stretch * s * RENDER_RATE_HZ)) for s in (attack_s, release_s))
    envelope = np.ones(samples)
    envelope[:attack] *= 0.5 - 0.5 * np.cos(np.pi * np.arange(attack) / attack)
    envelope[-release:] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(1, release + 1) / release)
    return envelope


def slow_noise(samples: int, highest_hz: float, rng: np.random.Generator) -> Signal:
    """Returns low-pass noise (samples,) with little energy above `highest_hz`, mean 0, standard deviation 1.

    It is drawn at 200 Hz and interpolated, because f0 is annotated at 200 Hz: a faster change could not be annotated.
    """
    control_hz = 200.0
    count = int(np.ceil(samples / RENDER_RATE_HZ * control_hz)) + 2
    padded = sosfiltfilt(butter(2, highest_hz, fs=control_hz, output="sos"), rng.standard_normal(count + 200))[100:-100]
    times = np.arange(samples) / RENDER_RATE_HZ * control_hz
    return np.asarray(np.interp(times, np.arange(count), (padded - padded.mean()) / padded.std()))


def pink_noise(samples: int, rng: np.random.Generator) -> Signal:
    """Returns noise (samples,) with RMS 1, whose power falls 3 dB per octave above 20 Hz and is 0 at 0 Hz."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    hz = np.fft.rfftfreq(samples, 1 / RENDER_RATE_HZ)
    spectrum *= np.where(hz > 0, 1 / np.sqrt(np.maximum(hz, 20.0)), 0.0)
    noise = np.fft.irfft(spectrum, samples)
    return np.asarray(noise / rms(noise))


def rms(signal: Signal) -> float:
    """Returns the root mean square of a signal."""
    return float(np.sqrt(np.mean(np.square(signal))))
