"""The architecture of a student: its layers, and the pitches that it can return."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from workbench.recipe.messages import fail_validation
from workbench.recipe.sections import RecipeSection

_TOP_SEMITONE = 127
_HIGHEST_BLOCK_SEMITONE = 98  # the encoder receives 73 blocks of a semitone, from MIDI 26 on


class StudentLayer(RecipeSection):
    """One layer: a matrix over the values of each candidate and of those at fixed distances from it."""

    offsets_semitones: tuple[Annotated[int, Field(ge=-96, le=96)], ...] = Field(
        strict=False, min_length=1, description="Distances in semitones; 12 is an octave, 19 the third harmonic."
    )
    channels: int = Field(ge=1, le=512, description="Values that the layer returns for each candidate.")


def _layer(channels: int, *offsets: int) -> StudentLayer:
    return StudentLayer(offsets_semitones=offsets, channels=channels)


_SMALL = (
    _layer(24, -24, -19, -12, -1, 0, 1, 12, 19, 24, 28, 31, 36),
    _layer(24, -2, -1, 0, 1, 2),
    _layer(24, -12, -7, 0, 7, 12),
    _layer(16, -1, 0, 1),
)


class Architecture(RecipeSection):
    """The layers of a student, and the pitches that it can return."""

    layers: tuple[StudentLayer, ...] = Field(
        _SMALL, strict=False, min_length=1, max_length=16, description="The layers, the first one first."
    )
    lowest_semitone: int = Field(20, ge=0, le=26, description="MIDI pitch of the lowest candidate.")
    candidates: int = Field(88, ge=79, description="Candidate pitches, one a semitone.")

    @model_validator(mode="after")
    def _in_range(self) -> Self:
        highest = self.lowest_semitone + self.candidates - 1
        if highest > _TOP_SEMITONE:
            fail_validation(f"candidates: the highest one is MIDI {highest}, above {_TOP_SEMITONE}; use fewer")
        if highest < _HIGHEST_BLOCK_SEMITONE:
            fail_validation(f"candidates: the highest one is MIDI {highest}, below {_HIGHEST_BLOCK_SEMITONE}; use more")
        return self
