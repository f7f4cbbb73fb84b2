"""Rendered clips at the ends of what people sing, whistle and play: ranges of pitch, each with several voices.

Only `workbench robustness` uses them. No recipe can name them, so they neither calibrate nor score, and the random
clips that train a student are drawn from other seeds.
"""

from dataclasses import dataclass
from typing import get_args

import numpy as np

from workbench.audio.decode import Clip, read_clip
from workbench.audio.rendered_files import rendered_file
from workbench.audio.synth_manifest import Entry, Glide, Phrase, Singer, Vibrato, Vowel
from workbench.units import hz_to_semitones

_SEED = tuple(b"robustness")
_LEVEL_DBFS = -23.0
_NOTES, _NOTE_S, _GAP_S = 6, 0.65, 0.15
# A voice stays inside its range: its notes keep this distance from the ends, for scoops, vibrato and jitter.
_SUNG_MARGIN_SEMITONES, _PLAYED_MARGIN_SEMITONES = 1.5, 0.5


@dataclass(frozen=True)
class PitchRange:
    """A range of pitch and its voices, of about 5 s each.

    Attributes:
        name: The name of the range.
        low_hz: The lowest f0 that can occur.
        high_hz: The highest.
        formant_scales: The length of the vocal tract of each voice that is sung: see `Singer`.
        harmonics: The number of harmonics of each voice that is played or whistled: the n-th has amplitude 1/n. Every
            second one glides, the others play notes.
    """

    name: str
    low_hz: float
    high_hz: float
    formant_scales: tuple[float, ...] = ()
    harmonics: tuple[int, ...] = ()

    @property
    def sound(self) -> str:
        """What the clips are, in a phrase."""
        sung = f"sung by {len(self.formant_scales)} voices"
        played = f"with {min(self.harmonics, default=0)} to {max(self.harmonics, default=0)} harmonics"
        return f"rendered between {self.low_hz:g} and {self.high_hz:g} Hz, {sung if self.formant_scales else played}"

    def entries(self) -> list[Entry]:
        """Returns an entry for the renderer for each voice; always the same."""
        rng = np.random.default_rng((*_SEED, *self.name.encode()))
        name = self.name.replace(" ", "-")
        low, high = hz_to_semitones(np.array([self.low_hz, self.high_hz]))
        margin = _SUNG_MARGIN_SEMITONES if self.formant_scales else _PLAYED_MARGIN_SEMITONES

        def pitches() -> list[float]:
            """Returns one pitch from each of equal parts of the range, in random order."""
            place = (rng.permutation(_NOTES) + rng.random(_NOTES)) / _NOTES
            return [round(float(each), 2) for each in low + margin + (high - low - 2 * margin) * place]

        sung = [_sung(f"{name}-{number}", pitches(), scale, rng) for number, scale in enumerate(self.formant_scales, 1)]
        played = [
            _played(f"{name}-{number}", pitches(), count, number % 2 == 0, rng)
            for number, count in enumerate(self.harmonics, 1)
        ]
        return [*sung, *played]


RANGES = (
    PitchRange("low male", 60, 120, formant_scales=(0.86, 0.92, 0.98, 1.04)),
    PitchRange("high female", 600, 1400, formant_scales=(1.12, 1.16, 1.2, 1.26)),
    PitchRange("whistling", 800, 2500, harmonics=(1, 1, 2, 2)),
    PitchRange("bass", 40, 65, harmonics=(20, 30, 40, 60)),
)


def range_clips(pitch_range: PitchRange, sample_rate_hz: int) -> list[Clip]:
    """Returns the clips of a range, with their exact f0; renders those that are missing.

    Raises AudioError if a file cannot be written.
    """
    return [
        read_clip(rendered_file(entry), sample_rate_hz, f"robustness/{entry.name}") for entry in pitch_range.entries()
    ]


def _sung(name: str, pitches: list[float], formant_scale: float, rng: np.random.Generator) -> Phrase:
    """Returns two runs of notes with a breath between them, by a random singer."""
    notes: list[tuple[float, float, str] | tuple[str, float]] = [
        (pitch, _uniform(rng, 0.4, 0.9), str(rng.choice(get_args(Vowel)))) for pitch in pitches
    ]
    half = len(notes) // 2
    singer = Singer(
        formant_scale=formant_scale,
        open_quotient=_uniform(rng, 0.45, 0.75),
        tilt_hz=_uniform(rng, 1200, 3000),
        breath_db=_uniform(rng, -38, -26),
        jitter_cents=_uniform(rng, 4, 9),
        shimmer_db=_uniform(rng, 0.3, 0.7),
        vibrato_hz=_uniform(rng, 4.8, 6.2),
        vibrato_cents=_uniform(rng, 10, 60),
        scoop_cents=_uniform(rng, 20, 50),
    )
    return Phrase.model_validate(
        {
            "kind": "phrase",
            "name": name,
            "seed": int(rng.integers(2**31)),
            "singer": singer,
            "notes": [("rest", 0.25), *notes[:half], ("rest", 0.45), *notes[half:], ("rest", 0.3)],
            "level_dbfs": _LEVEL_DBFS,
        }
    )


def _played(name: str, pitches: list[float], harmonics: int, glides: bool, rng: np.random.Generator) -> Entry:
    """Returns one sound that glides from pitch to pitch, or notes with a little vibrato."""
    if glides:
        leg_s = _NOTES * (_NOTE_S + _GAP_S) / (len(pitches) - 1)
        return Glide(
            kind="glide", name=name, turns=tuple(pitches), leg_s=leg_s, harmonics=harmonics, level_dbfs=_LEVEL_DBFS
        )
    return Vibrato(
        kind="vibrato",
        name=name,
        notes=tuple((pitch, _uniform(rng, 4.5, 6.5), _uniform(rng, 0, 40)) for pitch in pitches),
        note_s=_NOTE_S,
        gap_s=_GAP_S,
        harmonics=harmonics,
        level_dbfs=_LEVEL_DBFS,
    )


def _uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Returns a number that is rounded, so that an entry is the same on every machine."""
    return round(float(rng.uniform(low, high)), 2)
