"""`manifest.json`: inputs and outputs of a program, what it was built from, and how it scored."""

from typing import Literal

from workbench.bundle.golden import Golden, Tolerance
from workbench.bundle.licences import Licence, licences_of
from workbench.bundle.verify_standalone import AUDIO, BUNDLE_FORMAT, COLUMNS, FRAMES, PROGRAM, WITHIN
from workbench.export.metadata import Constants, ProgramMetadata
from workbench.measure.deviation import Deviation
from workbench.measure.floor import Floor
from workbench.measure.speed import Speed
from workbench.measure.truth import Truth
from workbench.measure.truth.advised_threshold import AdvisedThreshold
from workbench.recipe.stream_config import StreamConfig
from workbench.record_model import NOT_STATED, RecordModel
from workbench.records.environment import Environment, environment
from workbench.records.metrics import GateResult, Verdict
from workbench.records.result import AlgorithmicLatency, RecipeUsed, Result
from workbench.runtime.state_protocol import ScoringProtocol

RESET_INTERNAL = (
    "load `reset` and `forward` into the same planned memory before the first call, and call `reset` with true for "
    "each stream to reset; if a runtime cannot share that memory, load the program again"
)
RESET_EXPLICIT = "zeros as the second input of `forward`; a row of zeros is the state of a stream after a reset"


class TensorSpec(RecordModel):
    """An input or an output. A dimension is a number, or a name if it varies."""

    name: str
    dtype: Literal["float32", "bool"]
    shape: tuple[int | str, ...]
    unit: str


class Method(RecordModel):
    """The inputs and the outputs of a call, in order."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


class Calls(RecordModel):
    """The sizes of a call: samples are hop_samples times frames.

    The host has to refuse other sizes: the runtime accepts some of them and corrupts the state.
    """

    hop_samples: int
    min_frames: int
    max_frames: int
    min_samples: int
    max_samples: int
    reset: str


class BundleLatency(AlgorithmicLatency):
    """`measured_ms` is from a change of the known f0 to the end of the hop that shows it, the best fit over the clips.

    The time to collect the audio of a call is not in it: `call_ms` for the smallest call.
    """

    call_ms: float
    measured_ms: float | None


class GoldenFiles(RecordModel):
    """The audio to run from a reset, and the frames to expect."""

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


class Scores(RecordModel):
    """The scores in the run's result. `forced` is true if the program was bundled although it did not pass."""

    verdict: Verdict
    forced: bool
    reasons: tuple[str, ...]
    protocol: ScoringProtocol
    gates: tuple[GateResult, ...]
    deviation: Deviation | None
    floor: Floor | None
    truth: Truth | None
    speed: Speed | None
    advised_threshold: AdvisedThreshold = AdvisedThreshold.absent(NOT_STATED)


class ProgramBytes(RecordModel):
    """The program's file."""

    file: str = PROGRAM
    bytes: int
    sha256: str
    backends: dict[str, int]  # delegated subgraphs of each
    quantized_ops: dict[str, int]
    float_ops: dict[str, int]


class FileBytes(RecordModel):
    """A file of the bundle except the manifest and SHA256SUMS."""

    bytes: int
    sha256: str


class Manifest(RecordModel):
    """The whole manifest. `stream` is the program's metadata, by the names of its methods.

    A host shows no pitch in a frame whose confidence is below `confidence_threshold`. The program does not apply it.
    """

    bundle_format: int = BUNDLE_FORMAT
    name: str
    program: ProgramBytes
    stream: Constants
    confidence_threshold: float
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
    """Returns the inputs and outputs of the program's methods, `forward` and, with internal state, `reset`."""
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
            name="state", dtype="float32", shape=(voices, state_samples), unit="past audio; zeros after a reset"
        )
        return {"forward": Method(inputs=(audio, past), outputs=(*outputs, past))}
    which = TensorSpec(name="which", dtype="bool", shape=(voices,), unit="true resets that stream")
    return {
        "forward": Method(inputs=(audio,), outputs=outputs),
        "reset": Method(inputs=(which,), outputs=(which,)),
    }


def manifest(result: Result, metadata: ProgramMetadata, golden: Golden, files: dict[str, FileBytes]) -> Manifest:
    """Returns the manifest of a result's program and of the files beside it.

    Args:
        result: Has a program.
        metadata: The program's metadata.
        golden: The audio and the frames to expect.
        files: Every file of the bundle except the manifest and SHA256SUMS, by name.
    """
    if result.program is None:
        raise ValueError("no program")
    stream, state = metadata.stream, metadata.state
    measured_ms = result.truth.delay_ms if result.truth else None
    backends = [delegate.backend for delegate in result.program.delegates]
    return Manifest(
        name=result.recipe.name,
        program=ProgramBytes(
            bytes=result.program.bytes,
            sha256=result.program.sha256,
            backends={backend: backends.count(backend) for backend in sorted(set(backends))},
            quantized_ops=result.program.quantized_ops,
            float_ops=result.program.float_ops,
        ),
        stream=metadata.entries(),
        confidence_threshold=metadata.display_threshold,
        calls=Calls(
            hop_samples=stream.hop_samples,
            min_frames=stream.frames_per_chunk,
            max_frames=stream.max_frames,
            min_samples=stream.chunk_samples,
            max_samples=stream.max_chunk_samples,
            reset=RESET_EXPLICIT if state == "explicit" else RESET_INTERNAL,
        ),
        methods=methods(stream, state, metadata.state_samples),
        latency=BundleLatency(
            algorithmic_ms=result.latency.algorithmic_ms,
            depends_on_chunking=result.latency.depends_on_chunking,
            call_ms=stream.chunk_ms,
            measured_ms=measured_ms,
            null_reasons={"measured_ms": _why_no_delay(result)} if measured_ms is None else {},
        ),
        golden=GoldenFiles(
            clips=golden.clips,
            seconds=golden.audio.shape[1] / stream.sample_rate_hz,
            calls=len(golden.calls),
            tolerance=golden.tolerance,
            expected_from=environment(result.environment.threads),
        ),
        scores=_scores(result),
        recipe=result.recipe,
        made_with=result.environment,
        licences=licences_of(result.recipe.resolved),
        files=files,
    )


def _why_no_delay(result: Result) -> str:
    section = result if result.truth is None else result.truth
    return section.null_reasons["truth" if result.truth is None else "delay_ms"]


def _scores(result: Result) -> Scores:
    kept = ("deviation", "floor", "truth", "speed")
    return Scores(
        verdict=result.verdict,
        forced=result.verdict != "pass",
        reasons=result.reasons,
        protocol=result.protocol,
        gates=result.gates,
        **{name: getattr(result, name) for name in kept},
        advised_threshold=result.advised_threshold,
        null_reasons={name: reason for name, reason in result.null_reasons.items() if name in kept},
    )
