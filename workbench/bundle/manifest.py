"""`manifest.json`: what a program takes and gives, what it was made of, and how well it did."""

from typing import Any, Literal

from workbench.bundle.golden import Golden, Tolerance
from workbench.bundle.verify_standalone import AUDIO, BUNDLE_FORMAT, COLUMNS, FRAMES, PROGRAM, WITHIN
from workbench.export.metadata import Constants
from workbench.measure.deviation import Deviation
from workbench.measure.floor import Floor
from workbench.measure.speed import Speed
from workbench.measure.truth import Truth
from workbench.model.checkpoint import packaged_checkpoints
from workbench.recipe.stream_config import StreamConfig
from workbench.record_model import RecordModel
from workbench.records.environment import Environment, environment
from workbench.records.metrics import GateResult, Verdict
from workbench.records.result import AlgorithmicLatency, RecipeUsed, Result
from workbench.runtime.state_protocol import ScoringProtocol

RESET_INTERNAL = (
    "load `reset` and `forward` into the same planned memory before the first call, and call `reset` with true for "
    "each stream that is to forget; where a runtime cannot share that memory, load the program anew"
)
RESET_EXPLICIT = "zeros as the second input of `forward`: a row of zeros is a stream that has heard nothing"


class TensorSpec(RecordModel):
    """An input or an output. Dimensions are numbers or the names of those that vary."""

    name: str
    dtype: Literal["float32", "bool"]
    shape: tuple[int | str, ...]
    unit: str


class Method(RecordModel):
    """What a call takes and gives, in order."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


class Calls(RecordModel):
    """The sizes a call can have: samples are hop_samples times frames. Others have to be refused by the host: the
    runtime takes some of them, and spoils the memory."""

    hop_samples: int
    min_frames: int
    max_frames: int
    min_samples: int
    max_samples: int
    reset: str


class BundleLatency(AlgorithmicLatency):
    """`measured_ms`: from a change of the known f0 to the end of the hop that tells it, as it fits the calibration
    clips best. Collecting a call's audio comes on top: `call_ms` for the smallest call."""

    call_ms: float
    measured_ms: float | None


class GoldenFiles(RecordModel):
    """Audio to feed from an empty memory, and the frames to expect."""

    audio: str = AUDIO
    audio_format: str = "WAV, 32-bit float, a channel for each stream"
    frames: str = FRAMES
    columns: tuple[str, ...] = (*COLUMNS, *WITHIN)
    schedule: str = "the rows of one `call` are the frames of one call of `forward`, in order, after a reset"
    clips: tuple[str, ...]
    seconds: float
    calls: int
    tolerance: Tolerance
    expected_from: Environment


class Licence(RecordModel):
    """Who else's terms travel with the bundle."""

    covers: str
    licence: str | None
    text: str | None


class Scores(RecordModel):
    """From the record of the run, as it stands there. `forced`: bundled although it did not pass."""

    verdict: Verdict
    forced: bool
    reasons: tuple[str, ...]
    protocol: ScoringProtocol
    gates: tuple[GateResult, ...]
    deviation: Deviation | None
    floor: Floor | None
    truth: Truth | None
    speed: Speed | None


class ProgramBytes(RecordModel):
    """The program's file."""

    file: str = PROGRAM
    bytes: int
    sha256: str
    backends: dict[str, int]  # delegated subgraphs of each
    quantized_ops: dict[str, int]
    float_ops: dict[str, int]


class FileBytes(RecordModel):
    """A file of the bundle, other than the manifest and SHA256SUMS."""

    bytes: int
    sha256: str


class Manifest(RecordModel):
    """All of it. `stream` is what the program itself tells, by the names of its methods."""

    bundle_format: int = BUNDLE_FORMAT
    name: str
    program: ProgramBytes
    stream: Constants
    calls: Calls
    methods: dict[str, Method]
    latency: BundleLatency
    golden: GoldenFiles
    scores: Scores
    recipe: RecipeUsed
    made_with: Environment
    licences: tuple[Licence, ...]
    files: dict[str, FileBytes]


def methods(stream: StreamConfig, state: str, state_samples: int) -> dict[str, Method]:
    """What the program's two methods take and give."""
    voices = stream.streams
    samples: int | str = "samples" if stream.dynamic else stream.chunk_samples
    frames: int | str = "frames" if stream.dynamic else stream.max_frames
    audio = TensorSpec(name="audio", dtype="float32", shape=(voices, samples), unit="full scale is -1 to 1")
    outputs = (
        TensorSpec(
            name="pitch_semitones",
            dtype="float32",
            shape=(voices, frames),
            unit="MIDI semitones: A4 = 69 = 440 Hz, 100 cents each",
        ),
        TensorSpec(name="confidence", dtype="float32", shape=(voices, frames), unit="0 to 1: whether there is a pitch"),
        TensorSpec(
            name="volume", dtype="float32", shape=(voices, frames), unit="sum of the spectrum's energies, linear"
        ),
    )
    if state == "explicit":
        past = TensorSpec(
            name="state", dtype="float32", shape=(voices, state_samples), unit="past audio; zeros: nothing heard yet"
        )
        return {"forward": Method(inputs=(audio, past), outputs=(*outputs, past))}
    which = TensorSpec(name="which", dtype="bool", shape=(voices,), unit="true: that stream forgets all audio")
    return {
        "forward": Method(inputs=(audio,), outputs=outputs),
        "reset": Method(inputs=(which,), outputs=(which,)),
    }


def manifest(
    record: Result, tells: Constants, stream: StreamConfig, golden: Golden, files: dict[str, FileBytes]
) -> Manifest:
    """The manifest of a record's program and of the files beside it. Raises ValueError for a record without one."""
    if record.program is None:
        raise ValueError("no program")
    state = str(tells["state"])
    measured_ms = record.truth.delay_ms if record.truth else None
    backends = [delegate.backend for delegate in record.program.delegates]
    return Manifest(
        name=record.recipe.name,
        program=ProgramBytes(
            bytes=record.program.bytes,
            sha256=record.program.sha256,
            backends={backend: backends.count(backend) for backend in sorted(set(backends))},
            quantized_ops=record.program.quantized_ops,
            float_ops=record.program.float_ops,
        ),
        stream=tells,
        calls=Calls(
            hop_samples=stream.hop_samples,
            min_frames=stream.frames_per_chunk,
            max_frames=stream.max_frames,
            min_samples=stream.chunk_samples,
            max_samples=stream.max_chunk_samples,
            reset=RESET_EXPLICIT if state == "explicit" else RESET_INTERNAL,
        ),
        methods=methods(stream, state, int(tells["state_samples"])),
        latency=BundleLatency(
            algorithmic_ms=record.latency.algorithmic_ms,
            depends_on_chunking=record.latency.depends_on_chunking,
            call_ms=stream.chunk_ms,
            measured_ms=measured_ms,
            null_reasons={"measured_ms": _why_no_delay(record)} if measured_ms is None else {},
        ),
        golden=GoldenFiles(
            clips=golden.clips,
            seconds=golden.audio.shape[1] / stream.sample_rate_hz,
            calls=len(golden.calls),
            tolerance=golden.tolerance,
            expected_from=environment(record.environment.threads),
        ),
        scores=_scores(record),
        recipe=record.recipe,
        made_with=record.environment,
        licences=licences(record.recipe.resolved),
        files=files,
    )


def _why_no_delay(record: Result) -> str:
    section = record if record.truth is None else record.truth
    return section.null_reasons["truth" if record.truth is None else "delay_ms"]


def _scores(record: Result) -> Scores:
    kept = ("deviation", "floor", "truth", "speed")
    return Scores(
        verdict=record.verdict,
        forced=record.verdict != "pass",
        reasons=record.reasons,
        protocol=record.protocol,
        gates=record.gates,
        **{name: getattr(record, name) for name in kept},
        null_reasons={name: reason for name, reason in record.null_reasons.items() if name in kept},
    )


def licences(recipe: dict[str, Any]) -> tuple[Licence, ...]:
    """Of the code here and of the weights inside the program; those of a user's checkpoint are the user's to know."""
    ours = Licence(covers="verify.py, example/ and golden/", licence="Apache-2.0", text="licences/Apache-2.0.txt")
    if recipe["checkpoint"] in packaged_checkpoints():
        return ours, Licence(
            covers=f"the weights in {PROGRAM}: pesto-pitch, checkpoint {recipe['checkpoint']}",
            licence="LGPL-3.0",
            text="licences/LGPL-3.0.md",
        )
    why = "they came from a checkpoint file of the recipe's author, who has to know"
    return ours, Licence(
        covers=f"the weights in {PROGRAM}",
        licence=None,
        text=None,
        null_reasons=dict.fromkeys(("licence", "text"), why),
    )
