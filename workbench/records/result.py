"""The record of one variant: everything that was measured, how, and on what. `result.json`, schema_version 1."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from workbench.errors import WorkbenchError
from workbench.export.program_file import ProgramFile
from workbench.measure.call_sizes import NOT_OVER_SIZES, OverSizes, SizeFigures
from workbench.measure.contour import Contour, no_contour
from workbench.measure.deviation import Deviation
from workbench.measure.floor import Floor
from workbench.measure.speed import Speed
from workbench.measure.truth import Truth
from workbench.recipe import Recipe
from workbench.record_model import RecordModel
from workbench.records.environment import Environment
from workbench.records.metrics import GateResult, Verdict, metric_paths
from workbench.runtime.state_protocol import ScoringProtocol
from workbench.storage.json_files import write_json

RESULT_NAME = "result.json"


class RecipeUsed(RecordModel):
    """The recipe as it was run: enough to run it again. `checkpoint_sha256` is of the file; "" in older records."""

    name: str
    sha256: str
    resolved: dict[str, Any]
    checkpoint_sha256: str = ""


def recipe_used(recipe: Recipe, checkpoint_sha256: str) -> RecipeUsed:
    """A recipe as a record keeps it, with the hash of the checkpoint that was loaded for it."""
    return RecipeUsed(
        name=recipe.name,
        sha256=recipe.sha256,
        resolved=recipe.resolved(),
        checkpoint_sha256=checkpoint_sha256,
    )


F0_NOT_KEPT = "not kept"  # by the workbench that made the record


class ClipUsed(RecordModel):
    """A clip that went into the record, by its bytes; `f0_sha256` is of its known f0, which decides what is voiced, and
    empty where there is none."""

    name: str
    role: Literal["calibrate", "score"]
    sha256: str
    f0_sha256: str = F0_NOT_KEPT
    seconds: float


class FramesUsed(RecordModel):
    """A file of frames that were recorded elsewhere, by its bytes, and the clip that they are of."""

    file: str
    clip: str
    sha256: str


class AlgorithmicLatency(RecordModel):
    """`algorithmic_ms`: from the middle of a frame's analysis window to the end of its hop, from the CQT's geometry.
    A call's own period comes on top; what was measured against known f0 is `truth.delay_ms`.
    `depends_on_chunking`: whether an estimate depends on how the audio is cut into calls."""

    algorithmic_ms: float
    depends_on_chunking: bool = False


class Result(RecordModel):
    """One variant: what it is, what came out, and the verdict."""

    schema_version: Literal[1] = 1
    created: str
    fingerprint: str  # of all that was measured: recipe but for its gates, checkpoint, audio, code, library versions
    recipe: RecipeUsed
    environment: Environment
    audio: tuple[ClipUsed, ...]
    recorded: tuple[FramesUsed, ...] = ()  # of a program that ran elsewhere
    program_in_doubt: str = ""  # why the program that is named with them may be another than the recipe's
    not_run_here: str = ""  # why this machine cannot make or run the program, and what does
    program: ProgramFile | None
    latency: AlgorithmicLatency
    protocol: ScoringProtocol = ScoringProtocol()
    deviation: Deviation | None
    floor: Floor | None
    truth: Truth | None
    speed: Speed | None
    contour: Contour = no_contour("not compared")
    deviation_over_sizes: OverSizes = NOT_OVER_SIZES
    sizes: tuple[SizeFigures, ...] = ()  # of a program that takes several, from the smallest call to the largest
    gates: tuple[GateResult, ...] = ()
    verdict: Verdict = "inconclusive"
    reasons: tuple[str, ...] = ()
    seconds: dict[str, float] = Field(default={}, description="Time spent in each stage.")


class Scores(RecordModel):
    """The sections of a result that come from comparing the frames of both sides."""

    deviation: Deviation
    floor: Floor
    truth: Truth
    contour: Contour
    deviation_over_sizes: OverSizes = NOT_OVER_SIZES
    sizes: tuple[SizeFigures, ...] = ()

    @property
    def sections(self) -> dict[str, Any]:
        """The sections by the name that a Result has for them."""
        return {name: getattr(self, name) for name in type(self).model_fields if name != "null_reasons"}


_GATED = ("program", "latency", "deviation", "floor", "truth", "speed", "deviation_over_sizes")


def gate_metrics() -> tuple[str, ...]:
    """The dotted paths that a gate can name."""
    return tuple(path for path in metric_paths(Result) if path.split(".")[0] in _GATED)


def write_record(record: Result, folder: Path) -> Path:
    """Store a record as `result.json` in its folder."""
    return write_json(record, folder / RESULT_NAME)


def read_record(path: Path) -> Result:
    """Raises WorkbenchError where the file is missing or no record of this schema."""
    try:
        return Result.model_validate_json(path.read_bytes(), extra="ignore")  # later versions add keys
    except FileNotFoundError as error:
        raise WorkbenchError(f"{path}: no such record; `workbench run` makes one") from error
    except OSError as error:
        raise WorkbenchError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    except ValidationError as error:
        raise WorkbenchError(f"{path}: not a record of schema version 1; run the recipe again") from error
