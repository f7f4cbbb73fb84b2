"""Synthetic clips with an exact f0, rendered from their manifest entries: the same entry gives the same samples.

A sample is voiced if the envelope of its note is within 40 dB of full level. Rests, the end of a fade, noise and
silence are unvoiced; breath and room noise do not change what is voiced.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.audio.synth_manifest import RENDER_RATE_HZ, Entry, Glide, Noise, Phrase, Silence, Tones, Vibrato
from workbench.audio.synth_oscillator import (
    VOICED_FLOOR,
    Signal,
    harmonic_sum,
    pink_noise,
    raised_cosine_envelope,
    rms,
)
from workbench.audio.synth_voice import add_room, sing
from workbench.errors import AudioError
from workbench.units import CENTS_PER_SEMITONE, semitones_to_hz

_ATTACK_S, _RELEASE_S = 0.02, 0.05


@dataclass(frozen=True, eq=False)
class Rendering:
    """A rendered clip: `samples` (n,) float64 at RENDER_RATE_HZ, full scale 1.0; `f0_hz` (n,), 0 if unvoiced."""

    samples: NDArray[np.float64]
    f0_hz: NDArray[np.float64]


def render(entry: Entry) -> Rendering:
    """Renders one manifest entry. Raises AudioError if its level would clip."""
    if isinstance(entry, Silence):
        silence = np.zeros(round(entry.duration_s * RENDER_RATE_HZ))
        return Rendering(silence, silence)

    level = 10 ** (entry.level_dbfs / 20)
    if isinstance(entry, Noise):
        sound = _noise(entry)
        f0_hz = np.zeros_like(sound)
        samples = sound * level / rms(sound)
    elif isinstance(entry, Phrase):
        rng = np.random.Generator(np.random.PCG64(entry.seed))
        sound, f0_hz = sing(entry, rng)
        samples = sound * level / rms(sound[f0_hz > 0])
        if entry.room is not None:
            samples = add_room(samples, 10 ** (entry.room.noise_dbfs / 20), rng)
    else:
        sound, f0_hz = _play(entry)
        samples = sound * level / rms(sound[f0_hz > 0])

    if np.abs(samples).max() >= 1.0:
        raise AudioError(f"{entry.name}: clips at {entry.level_dbfs:g} dBFS; lower its level_dbfs in the manifest")
    return Rendering(samples, f0_hz)


def _noise(entry: Noise) -> Signal:
    rng = np.random.Generator(np.random.PCG64(entry.seed))
    samples = round(entry.duration_s * RENDER_RATE_HZ)
    return pink_noise(samples, rng) if entry.colour == "pink" else rng.standard_normal(samples)


def _play(entry: Tones | Glide | Vibrato) -> tuple[Signal, Signal]:
    """Returns sound and f0 in hertz, both (samples,), of an instrument whose n-th harmonic has amplitude 1/n."""
    if isinstance(entry, Tones):
        envelope = _repeated_note(len(entry.notes), entry.note_s, entry.gap_s)
        semitones = _hold(entry.notes, len(envelope))
    elif isinstance(entry, Glide):
        envelope = raised_cosine_envelope(round(entry.duration_s * RENDER_RATE_HZ), _ATTACK_S, _RELEASE_S)
        turn_samples = np.linspace(0, len(envelope) - 1, len(entry.turns))
        semitones = np.interp(np.arange(len(envelope)), turn_samples, entry.turns)
    else:
        envelope = _repeated_note(len(entry.notes), entry.note_s, entry.gap_s)
        pitch, rate_hz, extent_cents = (_hold(column, len(envelope)) for column in zip(*entry.notes, strict=True))
        time_s = np.arange(len(envelope)) / RENDER_RATE_HZ
        semitones = pitch + extent_cents / CENTS_PER_SEMITONE * np.sin(2 * np.pi * rate_hz * time_s)
    f0_hz = semitones_to_hz(semitones)
    sound = harmonic_sum(f0_hz, entry.harmonics, lambda n: 1.0 / n) * envelope
    return sound, np.where(envelope >= VOICED_FLOOR, f0_hz, 0.0)


def _repeated_note(count: int, note_s: float, gap_s: float) -> Signal:
    note, gap = round(note_s * RENDER_RATE_HZ), round(gap_s * RENDER_RATE_HZ)
    return np.tile(np.concatenate([raised_cosine_envelope(note, _ATTACK_S, _RELEASE_S), np.zeros(gap)]), count)


def _hold(values: Sequence[float], samples: int) -> Signal:
    """Returns (samples,): each value is held for samples / len(values) samples, a whole number."""
    return np.repeat(np.asarray(values, np.float64), samples // len(values))
