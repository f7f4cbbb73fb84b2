"""The record of a measurement with noise: accuracy by signal-to-noise ratio. `noise.json`, schema_version 1."""

from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from workbench.audio.annotations import TruthKind
from workbench.errors import WorkbenchError
from workbench.export.program_file import ProgramFile
from workbench.measure.truth.groups import GroupAccuracy
from workbench.measure.truth.noise import NOISE
from workbench.record_model import RecordModel
from workbench.records.environment import Environment
from workbench.records.result import RecipeUsed

NOISE_NAME = "noise.json"


class NoiseLevel(GroupAccuracy):
    """The accuracy of both sides on clips with noise, whose f0 is known in one way.

    Attributes:
        kind: How the f0 is known.
        snr_db: The signal-to-noise ratio. Null for the clips as they are.
    """

    kind: TruthKind
    snr_db: float | None


class Noise(RecordModel):
    """Both sides on the same noisy chunks of clips whose f0 is known, in the smallest calls.

    Attributes:
        schema_version: The version of the schema.
        created: When it was written: UTC, ISO 8601, to the second.
        recipe: The recipe of the program.
        environment: The machine and the library versions.
        program: The program's file.
        clips: The clips, by name.
        noise: The noise that was added.
        delay_ms: How far the frames are moved back; fitted to the calibration clips, without noise.
        threshold: The voicing threshold of the recipe.
        levels: The accuracy at each ratio, first without noise, for each kind of truth.
        took_s: How long it took, without the build.
    """

    schema_version: Literal[1] = 1
    created: str
    recipe: RecipeUsed
    environment: Environment
    program: ProgramFile
    clips: tuple[str, ...]
    noise: str = NOISE
    delay_ms: float
    threshold: float
    levels: tuple[NoiseLevel, ...]
    took_s: float


def read_noise(path: Path) -> Noise | None:
    """Reads a measurement with noise. Returns None if there is no file.

    Raises:
        WorkbenchError: The file is no measurement of this schema.
    """
    if not path.is_file():
        return None
    try:
        return Noise.model_validate_json(path.read_bytes(), extra="ignore")
    except (OSError, ValidationError) as error:
        raise WorkbenchError(f"{path}: not a measurement with noise of schema version 1; measure it again") from error
