"""The record of robustness: accuracy in each condition. `robustness.json`, schema_version 1."""

from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from workbench.audio.annotations import TruthKind
from workbench.errors import WorkbenchError
from workbench.export.program_file import ProgramFile
from workbench.measure.truth.groups import GroupAccuracy
from workbench.record_model import RecordModel
from workbench.records.environment import Environment
from workbench.records.result import ClipUsed, RecipeUsed

ROBUSTNESS_NAME, ROBUSTNESS_PLOT_NAME = "robustness.json", "robustness.png"
LARGEST_LOSS = 0.01


class ConditionAccuracy(GroupAccuracy):
    """The accuracy of both sides in one condition, on clips whose f0 is known in one way.

    Attributes:
        kind: How the f0 is known.
        sound: What the clips are, or what was done to them.
        clips: The clips, by name.
        rpa50_change: The variant's rpa50 less the baseline's. Null if one of them is.
        below_baseline: Whether the variant's rpa50 is more than 1 point below the baseline's.
    """

    kind: TruthKind
    sound: str
    clips: tuple[str, ...]
    rpa50_change: float | None
    below_baseline: bool


class Robustness(RecordModel):
    """Both sides on the same chunks of clips whose f0 is known, in several conditions, in the smallest calls.

    Attributes:
        schema_version: The version of the schema.
        created: When it was written: UTC, ISO 8601, to the second.
        recipe: The recipe of the program.
        environment: The machine and the library versions.
        program: The program's file.
        audio: The clips: those for calibration, the scored ones as they are, and the rendered ones of the ranges.
        delay_ms: How far the frames are moved back; fitted to the calibration clips as they are.
        threshold: The voicing threshold of the recipe.
        conditions: The accuracy in each condition, for each kind of truth. The first is `clean`: the clips as they are.
        took_s: How long it took, without the build.
    """

    schema_version: Literal[1] = 1
    created: str
    recipe: RecipeUsed
    environment: Environment
    program: ProgramFile
    audio: tuple[ClipUsed, ...]
    delay_ms: float
    threshold: float
    conditions: tuple[ConditionAccuracy, ...]
    took_s: float


def read_robustness(path: Path) -> Robustness | None:
    """Reads a measurement of robustness. Returns None if there is no file.

    Raises:
        WorkbenchError: The file is no measurement of this schema.
    """
    if not path.is_file():
        return None
    try:
        return Robustness.model_validate_json(path.read_bytes(), extra="ignore")
    except (OSError, ValidationError) as error:
        raise WorkbenchError(f"{path}: not a robustness record of schema version 1; measure it again") from error
