"""The result of one variant: what was measured, how, and on which audio. `result.json`, schema_version 1."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from workbench.audio.corpora.used import CorpusUsed
from workbench.audio.recordings.condition import Condition
from workbench.errors import WorkbenchError
from workbench.export.program_file import ProgramFile
from workbench.measure.call_sizes import ONLY_ONE_SIZE, OverSizes, SizeFigures
from workbench.measure.contour import Contour, no_contour
from workbench.measure.deviation import Deviation
from workbench.measure.floor import Floor
from workbench.measure.speed import Speed
from workbench.measure.tones.delay import Delay
from workbench.measure.tones.steadiness import Steadiness
from workbench.measure.truth import Truth
from workbench.measure.truth.advised_threshold import AdvisedThreshold
from workbench.model.checkpoint import baseline_checkpoint, checkpoint_path
from workbench.recipe import Channel, Recipe
from workbench.recipe.patterns import is_checkpoint_file
from workbench.record_model import NOT_STATED, RecordModel
from workbench.records.environment import Environment
from workbench.records.metrics import GateResult, Verdict, metric_paths
from workbench.runtime.state_protocol import ScoringProtocol
from workbench.storage.hashing import sha256_of
from workbench.storage.json_files import write_json

# The files and folders of a variant's folder that this package writes. Pictures are drawn by report/.
RESULT_NAME = "result.json"
FRAMES_FOLDER, PICTURES_FOLDER, MOMENTS_FOLDER = "frames", "pictures", "moments"

F0_NOT_KEPT = "not kept"  # the stored results in docs/ do not have the hash of a known f0


class RecipeUsed(RecordModel):
    """The recipe as it was run: enough to run it again.

    Attributes:
        name: The name of the variant.
        sha256: The hash of `resolved` as canonical JSON.
        resolved: Every recipe key with its value, defaults included.
        checkpoint_sha256: The hash of the checkpoint's file; "" in the stored profiles in docs/.
        teacher: The checkpoint that a student imitates, which is the baseline's; "" if the checkpoint is no student.
    """

    name: str
    sha256: str
    resolved: dict[str, Any]
    checkpoint_sha256: str = ""
    teacher: str = ""


def recipe_used(recipe: Recipe, checkpoint_sha256: str) -> RecipeUsed:
    """Returns what a result stores of a recipe, with the hash of the checkpoint that was loaded for it."""
    baseline = baseline_checkpoint(recipe.checkpoint)
    of_file = f" {sha256_of(checkpoint_path(baseline))[:8]}" if is_checkpoint_file(baseline) else ""
    return RecipeUsed(
        name=recipe.name,
        sha256=recipe.sha256,
        resolved=recipe.resolved(),
        checkpoint_sha256=checkpoint_sha256,
        teacher="" if baseline == recipe.checkpoint else baseline + of_file,
    )


class ClipUsed(RecordModel):
    """A clip that the result depends on.

    Attributes:
        name: The name of the clip.
        role: Whether it calibrates or scores.
        sha256: The hash of its samples at the rate of the recipe.
        f0_sha256: The hash of its known f0, which decides what is voiced; "" if the clip has no known f0.
        seconds: The length of the clip.
        channel: The channel that was read: `mix`, `left`, `right` or its number from 1; "" in a record that does not
            state it.
        decoder: What decoded the file, with its version; "" in a record that does not state it.
        conditions: What is wrong with the recording, with measured values.
    """

    name: str
    role: Literal["calibrate", "score"]
    sha256: str
    f0_sha256: str = F0_NOT_KEPT
    seconds: float
    channel: Channel | Literal[""] = ""
    decoder: str = ""
    conditions: tuple[Condition, ...] = ()

    @property
    def identity(self) -> str:
        """The hash of the clip and of its channel, if that is not the mix."""
        return self.sha256 if self.channel in ("", "mix") else f"{self.sha256} {self.channel}"


class FramesUsed(RecordModel):
    """A file of frames from another device.

    Attributes:
        file: The file.
        clip: The clip whose frames it has.
        sha256: The hash of its bytes.
    """

    file: str
    clip: str
    sha256: str


class AlgorithmicLatency(RecordModel):
    """The delay that follows from the geometry of the CQT. `delay` is measured.

    Attributes:
        algorithmic_ms: From the middle of a frame's analysis window to the end of its hop. The period of a call is not
            in it.
        depends_on_chunking: Whether an estimate depends on how the audio is cut into chunks.
    """

    algorithmic_ms: float
    depends_on_chunking: bool = False


class Result(RecordModel):
    """One variant: what it is made from, what was measured, and the verdict.

    Attributes:
        schema_version: The version of the schema.
        created: When it was written: UTC, ISO 8601, to the second.
        fingerprint: The hash of all that the numbers depend on: recipe without gates, checkpoint, audio, code,
            libraries.
        recipe: The recipe as it was run.
        environment: The machine and the library versions.
        audio: The clips that calibrated and that were scored.
        corpora: The published corpora that some of the clips are from.
        recorded: The files of frames, if the program ran on another device.
        program_in_doubt: Why the program that returned the recorded frames may not be the recipe's; otherwise "".
        not_run_here: Why this machine cannot build or run the program, and which one can; otherwise "".
        program: The program's file.
        latency: The delay by geometry.
        delay: The measured delay.
        steadiness: The errors of both sides on steady tones and slow glides.
        protocol: How the state of each side was handled.
        deviation: The deviation of the variant from the baseline.
        floor: The deviation of the baseline from itself under dither.
        truth: The accuracy of both sides on clips whose f0 is known.
        speed: The times of both sides.
        advised_threshold: The confidence threshold at which most of the variant's frames are right.
        contour: The range of the pitch of both sides, which shows whether the pitch moves.
        deviation_over_sizes: The largest deviation over all call sizes.
        sizes: The figures of each call size, if the program takes several, from the smallest to the largest.
        gates: The outcome of each gate.
        verdict: `pass`, `fail` or `inconclusive`.
        reasons: The reasons for a verdict other than `pass`.
        seconds: The time spent in each stage, in seconds.
    """

    schema_version: Literal[1] = 1
    created: str
    fingerprint: str
    recipe: RecipeUsed
    environment: Environment
    audio: tuple[ClipUsed, ...]
    corpora: tuple[CorpusUsed, ...] = ()
    recorded: tuple[FramesUsed, ...] = ()
    program_in_doubt: str = ""
    not_run_here: str = ""
    program: ProgramFile | None
    latency: AlgorithmicLatency
    protocol: ScoringProtocol = ScoringProtocol()
    deviation: Deviation | None
    floor: Floor | None
    truth: Truth | None
    speed: Speed | None
    advised_threshold: AdvisedThreshold = AdvisedThreshold.absent(NOT_STATED)
    contour: Contour = no_contour("not compared")
    delay: Delay = Delay.absent(NOT_STATED)
    steadiness: Steadiness = Steadiness.absent(NOT_STATED)
    deviation_over_sizes: OverSizes = ONLY_ONE_SIZE
    sizes: tuple[SizeFigures, ...] = ()
    gates: tuple[GateResult, ...] = ()
    verdict: Verdict = "inconclusive"
    reasons: tuple[str, ...] = ()
    seconds: dict[str, float] = Field(default={})

    @property
    def geometry_ms(self) -> float:
        """The delay to expect: `latency.algorithmic_ms` and half a chunk, the mean wait for the smallest call."""
        resolved = self.recipe.resolved
        return self.latency.algorithmic_ms + 500 * float(resolved["chunk_samples"]) / float(resolved["sample_rate_hz"])


class Scores(RecordModel):
    """The sections of a result that come from comparing the frames of both sides."""

    deviation: Deviation
    floor: Floor
    truth: Truth
    contour: Contour
    advised_threshold: AdvisedThreshold = AdvisedThreshold.absent(NOT_STATED)
    delay: Delay = Delay.absent(NOT_STATED)
    steadiness: Steadiness = Steadiness.absent(NOT_STATED)
    deviation_over_sizes: OverSizes = ONLY_ONE_SIZE
    sizes: tuple[SizeFigures, ...] = ()

    @property
    def sections(self) -> dict[str, Any]:
        """The sections by the name that a Result has for them."""
        return {name: getattr(self, name) for name in type(self).model_fields if name != "null_reasons"}


_GATED = ("program", "latency", "delay", "steadiness", "deviation", "floor", "truth", "speed", "deviation_over_sizes")


def gate_metrics() -> tuple[str, ...]:
    """Returns the dotted paths that a gate can name."""
    return tuple(path for path in metric_paths(Result) if path.split(".")[0] in _GATED)


def write_result(result: Result, folder: Path) -> Path:
    """Writes `result.json` into a variant's folder and returns its path."""
    return write_json(result, folder / RESULT_NAME)


def read_result(path: Path) -> Result:
    """Reads a result. Keys that this version does not know are ignored: later versions add some.

    Raises:
        WorkbenchError: if the file is missing, cannot be read, or is no result of this schema.
    """
    try:
        return Result.model_validate_json(path.read_bytes(), extra="ignore")
    except FileNotFoundError as error:
        raise WorkbenchError(f"{path}: no such file; `workbench run` writes a {RESULT_NAME}") from error
    except OSError as error:
        raise WorkbenchError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    except ValidationError as error:
        raise WorkbenchError(f"{path}: not a result of schema version 1; run the recipe again") from error
