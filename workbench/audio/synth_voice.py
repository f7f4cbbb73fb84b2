"""A source-filter singer: glottal harmonics and breath, shaped by the formants of vowels.

The vocal tract changes the magnitude of each harmonic and not its phase, so the n-th harmonic is at exactly n times f0
even while formants move. (A real resonance delays a moving pitch by a few milliseconds. That would be a deviation of a
few cents that is not an error of any pitch tracker.)
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.signal import ShortTimeFFT, oaconvolve
from scipy.signal.windows import hann

from workbench.audio.synth_manifest import RENDER_RATE_HZ, Phrase, Singer
from workbench.audio.synth_oscillator import (
    VOICED_FLOOR,
    Signal,
    harmonic_sum,
    phase_rad,
    pink_noise,
    raised_cosine_envelope,
    rms,
    slow_noise,
)
from workbench.units import CENTS_PER_SEMITONE, semitones_to_hz

# Means of 33 men, in hertz: G. E. Peterson and H. L. Barney, "Control methods used in a study of the vowels",
# J. Acoust. Soc. Am. 24 (1952), 175-184, table II. Higher formants depend little on the vowel: those of a uniform tube
# of 17.5 cm closed at one end, (2n - 1) * 500 Hz (G. Fant, "Acoustic Theory of Speech Production", 1960).
FORMANTS_HZ = {
    "iy": (270, 2290, 3010),
    "ih": (390, 1990, 2550),
    "eh": (530, 1840, 2480),
    "ae": (660, 1720, 2410),
    "aa": (730, 1090, 2440),
    "ao": (570, 840, 2410),
    "uh": (440, 1020, 2240),
    "uw": (300, 870, 2240),
    "ah": (640, 1190, 2390),
    "er": (490, 1350, 1690),
}
_TUBE_HZ = tuple(500.0 * (2 * n - 1) for n in range(4, 13))

_CONTROL_HOP = RENDER_RATE_HZ // 200
_PORTAMENTO_S, _VOWEL_CHANGE_S, _SYLLABLE_S = 0.09, 0.12, 0.08
_ATTACK_S, _RELEASE_S = 0.06, 0.12
_SCOOP_S = 0.06
_INHALE_DB = -38.0
_BRIGHTEST_HZ = 12_000.0


@dataclass(frozen=True)
class _Score:
    """Pitch and vowel of each sample of a phrase, and the samples (start, stop) of notes and of runs of tied notes."""

    semitones: Signal
    formants_hz: Signal  # (3, samples)
    notes: tuple[tuple[int, int], ...]
    runs: tuple[tuple[int, int], ...]
    samples: int


def sing(phrase: Phrase, rng: np.random.Generator) -> tuple[Signal, Signal]:
    """Returns the sound of a phrase before its level is set, and its f0 in hertz, 0 where unvoiced; both (samples,)."""
    singer, score = phrase.singer, _layout(phrase)
    f0_hz = semitones_to_hz(_intonation(score, singer, rng))
    envelope = _dynamics(score, singer, rng)

    control = np.arange(0, score.samples + _CONTROL_HOP, _CONTROL_HOP)
    control_f0_hz = np.interp(control, np.arange(score.samples), f0_hz)
    formants_hz = _formants(score, singer, control, control_f0_hz)

    def amplitude(n: int) -> Signal:
        hz = n * control_f0_hz
        level = _glottal_magnitude(hz, control_f0_hz, singer) * _tract_magnitude(hz, formants_hz)
        ramps = level[:-1, None] + np.diff(level)[:, None] * np.linspace(0.0, 1.0, _CONTROL_HOP, endpoint=False)
        return np.asarray(ramps.ravel()[: score.samples])

    tone = harmonic_sum(f0_hz, int(_BRIGHTEST_HZ / f0_hz.min()), amplitude) * envelope
    voiced = envelope >= VOICED_FLOOR
    sound = tone + rms(tone[voiced]) * _breath(score, singer, f0_hz, envelope, formants_hz, rng)
    return sound, np.where(voiced, f0_hz, 0.0)


def add_room(sound: Signal, noise_rms: float, rng: np.random.Generator) -> Signal:
    """Adds six early reflections within 20 ms and pink noise to a sound (samples,).

    There is no reverberation: its tail would have a pitch after the annotated end of the note.
    """
    wet = sound.copy()
    for delay_s in rng.uniform(0.002, 0.02, size=6):
        delay = int(delay_s * RENDER_RATE_HZ)
        wet[delay:] += rng.choice([-1.0, 1.0]) * 10 ** (rng.uniform(-20.0, -12.0) / 20) * sound[:-delay]
    return wet + noise_rms * pink_noise(len(sound), rng)


def _layout(phrase: Phrase) -> _Score:
    notes: list[tuple[int, int]] = []
    runs: list[tuple[int, int]] = []
    targets: list[tuple[float, tuple[int, int, int]]] = []
    position_s, tied = 0.0, False
    for entry in phrase.notes:
        start, stop = (round(s * RENDER_RATE_HZ) for s in (position_s, position_s + entry[1]))
        position_s += entry[1]
        if len(entry) == 3:
            notes.append((start, stop))
            targets.append((entry[0], FORMANTS_HZ[entry[2]]))
            runs = [*runs[:-1], (runs[-1][0], stop)] if tied else [*runs, (start, stop)]
        tied = len(entry) == 3
    samples = round(position_s * RENDER_RATE_HZ)

    # The pitch changes in the middle of a rest, far enough from both notes to change neither.
    changes = [(left[1] + right[0]) // 2 for left, right in pairwise(notes)]
    widths = np.diff([0, *changes, samples])
    semitones = np.repeat([target[0] for target in targets], widths).astype(np.float64)
    formants_hz = np.repeat(np.array([target[1] for target in targets], np.float64).T, widths, axis=1)
    return _Score(semitones, formants_hz, tuple(notes), tuple(runs), samples)


def _intonation(score: _Score, singer: Singer, rng: np.random.Generator) -> Signal:
    """Returns f0 in semitones (samples,): portamento between notes, a scoop into each run, late vibrato, and jitter."""
    semitones = _smooth(score.semitones, _PORTAMENTO_S)
    for start, stop in score.runs:
        since_s = np.arange(stop - start) / RENDER_RATE_HZ
        semitones[start:stop] -= singer.scoop_cents / CENTS_PER_SEMITONE * np.exp(-since_s / _SCOOP_S)

    rate_hz = singer.vibrato_hz * (1 + 0.04 * slow_noise(score.samples, 2.0, rng))
    depth = np.zeros(score.samples)
    for start, stop in score.notes:
        since_s = np.arange(stop - start) / RENDER_RATE_HZ
        depth[start:stop] = np.clip((since_s - 0.15) / 0.3, 0.0, 1.0)
    vibrato_cents = singer.vibrato_cents * _smooth(depth, 0.1) * np.sin(phase_rad(rate_hz))
    jitter_cents = singer.jitter_cents * slow_noise(score.samples, 20.0, rng)
    return np.asarray(semitones + (vibrato_cents + jitter_cents) / CENTS_PER_SEMITONE)


def _dynamics(score: _Score, singer: Singer, rng: np.random.Generator) -> Signal:
    """Returns the amplitude (samples,), about 1: an arch over each run, a dip at each syllable, shimmer, 0 in rests."""
    envelope = np.zeros(score.samples)
    for start, stop in score.runs:
        arch = 0.75 + 0.25 * np.sin(np.pi * np.linspace(0.0, 1.0, stop - start))
        envelope[start:stop] = raised_cosine_envelope(stop - start, _ATTACK_S, _RELEASE_S) * arch
    dip = hann(round(_SYLLABLE_S * RENDER_RATE_HZ))
    for (_, stop), (start, _) in pairwise(score.notes):
        first = stop - len(dip) // 2
        if stop == start and first >= 0:
            part = envelope[first : first + len(dip)]
            part *= 1 - 0.6 * dip[: len(part)]
    return np.asarray(envelope * 10 ** (singer.shimmer_db / 20 * slow_noise(score.samples, 20.0, rng)))


def _formants(score: _Score, singer: Singer, control: NDArray[np.intp], control_f0_hz: Signal) -> Signal:
    """Returns formant frequencies (12, controls) in hertz, with smooth changes from vowel to vowel.

    If f0 would rise above the first formant, the singer opens the jaw, which raises the formant with it
    (J. Sundberg, "The Science of the Singing Voice", 1987, chapter 5).
    """
    sample = np.minimum(control, score.samples - 1)
    smooth_hz = np.array([_smooth(formant, _VOWEL_CHANGE_S)[sample] for formant in score.formants_hz])
    vowel_hz = smooth_hz * singer.formant_scale
    vowel_hz[0] = np.maximum(vowel_hz[0], 1.05 * control_f0_hz)
    vowel_hz[1] = np.maximum(vowel_hz[1], vowel_hz[0] + 200.0)
    tube_hz = np.array(_TUBE_HZ)[:, None] * singer.formant_scale
    return np.concatenate([vowel_hz, np.broadcast_to(tube_hz, (len(tube_hz), len(control)))])


def _glottal_magnitude(hz: Signal, f0_hz: Signal, singer: Singer) -> Signal:
    """Returns the magnitude of the derivative of the glottal flow at `hz`, broadcast against `f0_hz`.

    It is the glottal formant (a second-order resonance a little above f0, lower if the folds are open longer) times a
    first-order tilt: the stylized spectrum of B. Doval, C. d'Alessandro and N. Henrich, "The spectrum of glottal flow
    models", Acta Acustica 92 (2006), 1026-1046.
    """
    ratio = hz / (0.75 * f0_hz / singer.open_quotient)
    return np.asarray(ratio / np.hypot(1 - ratio**2, ratio / 1.2) / np.hypot(1.0, hz / singer.tilt_hz))


def _tract_magnitude(hz: Signal, formants_hz: Signal) -> Signal:
    """Returns the magnitude at `hz` of formants (formants, ...) in cascade, each a resonance with gain 1 at 0 Hz.

    D. H. Klatt, "Software for a cascade/parallel formant synthesizer", J. Acoust. Soc. Am. 67 (1980), 971-995. The
    bandwidths, 50 Hz plus 3 percent of the frequency, follow his table in trend.
    """
    power = np.ones(np.broadcast_shapes(hz.shape, formants_hz.shape[1:]))
    for formant_hz in formants_hz:
        half_width2 = ((50.0 + 0.03 * formant_hz) / 2) ** 2
        at_pole, at_mirrored_pole = (hz - formant_hz) ** 2 + half_width2, (hz + formant_hz) ** 2 + half_width2
        power *= (formant_hz**2 + half_width2) ** 2 / (at_pole * at_mirrored_pole)
    return np.asarray(np.sqrt(power))


def _breath(
    score: _Score, singer: Singer, f0_hz: Signal, envelope: Signal, formants_hz: Signal, rng: np.random.Generator
) -> Signal:
    """Returns aspiration (samples,) for a tone of RMS 1: noise through the tract in the rhythm of the folds, and an
    inhaled breath in each rest."""
    stft = ShortTimeFFT(hann(4 * _CONTROL_HOP, sym=False), _CONTROL_HOP, RENDER_RATE_HZ)
    spectrum = stft.stft(rng.standard_normal(score.samples))
    slices = np.clip(np.arange(stft.p_min, stft.p_max(score.samples)), 0, formants_hz.shape[1] - 1)
    hz = stft.f[:, None]
    colour = _tract_magnitude(hz, formants_hz[:, slices]) * np.minimum(hz / 1000.0, 1.0)
    noise = np.asarray(stft.istft(spectrum * colour, k1=score.samples))
    noise /= rms(noise)

    aspiration = 10 ** (singer.breath_db / 20) * envelope * (1 + 0.5 * np.cos(phase_rad(f0_hz)))
    inhaled = np.zeros(score.samples)
    for (_, start), (stop, _) in pairwise(score.runs):
        inhaled[start:stop] = 10 ** (_INHALE_DB / 20) * hann(stop - start)
    return np.asarray(noise * (aspiration + inhaled))


def _smooth(steps: Signal, width_s: float) -> Signal:
    """Returns a signal (samples,) in which each step is spread over `width_s`, half of it before and half after."""
    kernel = hann(2 * round(width_s * RENDER_RATE_HZ / 2) + 1)
    padded = np.pad(steps, len(kernel) // 2, mode="edge")
    return np.asarray(oaconvolve(padded, kernel / kernel.sum(), mode="valid"))
