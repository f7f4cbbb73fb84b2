"""The synthetic clips: the entries of calib_audio/manifest.yaml, validated.

Pitches are MIDI semitones (A4 = 69), fractions allowed. Levels are RMS over the voiced part in dB, 0 being RMS 1.0.
"""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from workbench.errors import AudioError, quote_value
from workbench.recipe.messages import dotted
from workbench.storage.yaml_files import read_yaml_mapping

RENDER_RATE_HZ = 48_000
SYNTH_VERSION = 1
"""Increase it with every change to the sound of a manifest entry; the clips are then rendered again."""

# Upstream PESTO's bins start at about 27.5 Hz; it has seen almost no training data above 3 kHz.
Semitones = Annotated[float, Field(ge=21.5, le=102.0)]
Harmonics = Annotated[int, Field(ge=1, le=400)]
Decibels = Annotated[float, Field(ge=-120.0, le=0.0)]
Seconds = Annotated[float, Field(ge=0.01, le=3600.0)]  # the breath of a phrase is shaped in windows of 20 ms
Pause = Annotated[float, Field(gt=0.0, le=3600.0)]
Cents = Annotated[float, Field(ge=0.0, le=400.0)]
Seed = Annotated[int, Field(ge=0)]
Vowel = Literal["iy", "ih", "eh", "ae", "aa", "ao", "uh", "uw", "ah", "er"]  # ARPAbet: heed hid head had hod ...


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, allow_inf_nan=False)


class _Clip(_Entry):
    name: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]


class _Notes(_Clip):
    """Notes of one length with gaps between them; the n-th of `harmonics` has amplitude 1/n."""

    notes: tuple[Any, ...]
    note_s: Seconds
    gap_s: Pause
    harmonics: Harmonics
    level_dbfs: Decibels

    @property
    def duration_s(self) -> float:
        """Duration in seconds."""
        return len(self.notes) * (self.note_s + self.gap_s)


class Tones(_Notes):
    """Steady notes; `harmonics: 1` is a pure sine."""

    kind: Literal["tones"]
    notes: Annotated[tuple[Semitones, ...], Field(min_length=1)]


class Glide(_Clip):
    """One sound that glides through `turns`, linearly in semitones, with `leg_s` seconds from one to the next."""

    kind: Literal["glide"]
    turns: Annotated[tuple[Semitones, ...], Field(min_length=2)]
    leg_s: Seconds
    harmonics: Harmonics
    level_dbfs: Decibels

    @property
    def duration_s(self) -> float:
        """Duration in seconds."""
        return (len(self.turns) - 1) * self.leg_s


class Vibrato(_Notes):
    """Notes of (semitones, rate in Hz, extent in cents to either side), sinusoidal in semitones."""

    kind: Literal["vibrato"]
    notes: Annotated[tuple[tuple[Semitones, PositiveFloat, Cents], ...], Field(min_length=1)]


class Singer(_Entry):
    """A voice. `formant_scale` 1.0 is a man's vocal tract, 1.15 to 1.2 a woman's, 1.3 a child's.

    `open_quotient` is the share of the glottal cycle in which the folds are open (pressed 0.4 .. breathy 0.9);
    `tilt_hz` is the frequency above which the source falls 6 dB per octave faster; `breath_db` is the level of the
    aspiration relative to the tone. `jitter_cents` and `shimmer_db` are standard deviations of slow noise on pitch and
    level; `scoop_cents` is how far below its first note a phrase starts.
    """

    formant_scale: Annotated[float, Field(ge=0.8, le=1.5)]
    open_quotient: Annotated[float, Field(ge=0.3, le=1.0)]
    tilt_hz: Annotated[float, Field(ge=200.0, le=10_000.0)]
    breath_db: Decibels
    jitter_cents: Annotated[float, Field(ge=0.0, le=50.0)]
    shimmer_db: Annotated[float, Field(ge=0.0, le=6.0)]
    vibrato_hz: Annotated[float, Field(ge=3.0, le=9.0)]
    vibrato_cents: Cents
    scoop_cents: Cents


class Room(_Entry):
    """The room of a phrase: pink noise at `noise_dbfs` (RMS), and a few early reflections within 20 ms."""

    noise_dbfs: Decibels


class Phrase(_Clip):
    """Singing: tied notes of (semitones, seconds, vowel), and (rest, seconds) where the singer breathes."""

    kind: Literal["phrase"]
    seed: Seed
    singer: Singer
    notes: Annotated[tuple[tuple[Semitones, Seconds, Vowel] | tuple[Literal["rest"], Pause], ...], Field(min_length=1)]
    room: Room | None = None
    level_dbfs: Decibels

    @field_validator("notes")
    @classmethod
    def _some_are_sung(cls, notes: tuple[Any, ...]) -> tuple[Any, ...]:
        if all(note[0] == "rest" for note in notes):
            raise ValueError("expected at least one note, got only rests")
        return notes

    @property
    def duration_s(self) -> float:
        """Duration in seconds."""
        return sum(note[1] for note in self.notes)


class Noise(_Clip):
    """Unpitched: white, or pink (3 dB per octave down)."""

    kind: Literal["noise"]
    seed: Seed
    colour: Literal["white", "pink"]
    duration_s: Seconds
    level_dbfs: Decibels


class Silence(_Clip):
    """Digital silence: every sample 0."""

    kind: Literal["silence"]
    duration_s: Seconds


Entry = Annotated[Tones | Glide | Vibrato | Phrase | Noise | Silence, Field(discriminator="kind")]


class Manifest(_Entry):
    """The synthetic set by role: a clip calibrates or scores, never both."""

    calibrate: tuple[Entry, ...]
    score: tuple[Entry, ...]

    @model_validator(mode="after")
    def _names_and_seeds_differ(self) -> "Manifest":
        entries = (*self.calibrate, *self.score)
        counts = Counter(f"name {entry.name}" for entry in entries)
        counts += Counter(f"seed {entry.seed}" for entry in entries if isinstance(entry, Phrase | Noise))
        repeated = [value for value, count in counts.items() if count > 1]
        if repeated:
            raise ValueError(f"{', '.join(repeated)} used twice")
        return self


def read_manifest(path: Path) -> Manifest:
    """Reads and validates the manifest.

    Raises:
        AudioError: An entry is wrong. The message is one line.
        YamlError: There is no such file, or it is not YAML or not a mapping.
    """
    try:
        return Manifest.model_validate(read_yaml_mapping(path, "manifest"))
    except ValidationError as error:
        problems = "; ".join(map(_explain, error.errors()))
        raise AudioError(f"{path}: {problems}; correct the entry") from None


def _explain(error: ErrorDetails) -> str:
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "union_tag_invalid":  # pydantic's message would contain the whole value of `kind`
        message = f"kind: expected one of {error['ctx']['expected_tags']}, got {quote_value(error['ctx']['tag'])}"
    return f"{dotted(error['loc']) or 'calibrate and score'}: {message}"
