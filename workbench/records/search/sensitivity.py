"""The record of `sensitivity`: what each single change of a recipe costs and saves, on calibration clips."""

from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from workbench.record_model import RecordModel
from workbench.records.environment import Environment
from workbench.records.result import RecipeUsed

SENSITIVITY_NAME, SENSITIVITY_PLOT_NAME = "sensitivity.json", "sensitivity.png"


class LoweredEffect(RecordModel):
    """The same change in a program that was built and run.

    Attributes:
        pitch_p95_cents: The 95th percentile of the absolute deviation of the pitch, in voiced frames.
        over_50_cents_rate: The share of voiced frames that deviate by more than 50 cents.
        confidence_p95: The 95th percentile of the absolute deviation of the confidence, in all frames.
        program_bytes: Bytes of the program.
    """

    pitch_p95_cents: float | None
    over_50_cents_rate: float | None
    confidence_p95: float | None
    program_bytes: int


class Effect(RecordModel):
    """What one change does while everything else is float and exact. Its deviation is simulated.

    Attributes:
        kind: Whether a layer or a recipe key changes.
        target: The layer, or the key.
        choice: Its scheme, or its value.
        weight_bytes: Bytes of the weights and scales that the change concerns, with the change.
        saved_bytes: Their bytes without the change less those with it.
        frames: Frames that were compared.
        voiced_frames: Frames whose pitch was compared.
        pitch_p95_cents: The 95th percentile of the absolute deviation of the pitch, in voiced frames.
        over_50_cents_rate: The share of voiced frames that deviate by more than 50 cents.
        confidence_p95: The 95th percentile of the absolute deviation of the confidence, in all frames.
        lowered: The same in a program; null if none was built or it does not run.
        native_us: The median call of that program in the native host.
    """

    kind: Literal["layer", "key"]
    target: str
    choice: str
    weight_bytes: int
    saved_bytes: int
    frames: int
    voiced_frames: int
    pitch_p95_cents: float | None
    over_50_cents_rate: float | None
    confidence_p95: float | None
    lowered: LoweredEffect | None
    native_us: float | None


class FloatProgram(RecordModel):
    """The program of the recipe without quantization, with which the other programs are compared.

    Attributes:
        program_bytes: Its bytes.
        native_us: Its median call in the native host, in the same rounds as those of the other programs.
    """

    program_bytes: int
    native_us: float | None


class Sensitivity(RecordModel):
    """The effects of all single changes of a recipe, on its calibration clips.

    Attributes:
        schema_version: The version of the schema.
        created: When it was written: UTC, ISO 8601, to the second.
        fingerprint: The hash of everything that the effects depend on.
        recipe: The recipe.
        environment: The machine and the library versions.
        clips: The calibration clips.
        planned: The number of changes that there are; `effects` has fewer if it was interrupted.
        float_program: The program without quantization; null if no change was checked in a program.
        effects: What each change does, in the order of the layers.
    """

    schema_version: Literal[1] = 1
    created: str
    fingerprint: str
    recipe: RecipeUsed
    environment: Environment
    clips: tuple[str, ...]
    planned: int
    float_program: FloatProgram | None
    effects: tuple[Effect, ...]


def read_sensitivity(path: Path) -> Sensitivity | None:
    """Reads a record. Returns None if there is none, or one of another version."""
    try:
        return Sensitivity.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
