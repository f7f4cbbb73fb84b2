"""The record of a bench. `bench.json`, schema_version 1."""

from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from workbench.measure.bench.figures import ContenderFigures
from workbench.record_model import RecordModel
from workbench.records.environment import Environment

BENCH_NAME, BENCH_PLOT_NAME = "bench.json", "bench.png"


class NotRun(RecordModel):
    """A contender that was not timed.

    Attributes:
        name: The name of the contender.
        reason: Why it was not timed.
    """

    name: str
    reason: str


class Run(RecordModel):
    """All contenders with one number of threads, eager first.

    Attributes:
        threads: Threads of every contender.
        rounds: Rounds in which each contender had its turn.
        chunks_per_round: Timed calls of a contender in a round.
        warmup_chunks: Untimed calls of a contender before the first round.
        seed: The seed of the order of the contenders within each round.
        contenders: The figures of each contender.
        not_run: The contenders that were not timed.
    """

    threads: int
    rounds: int
    chunks_per_round: int
    warmup_chunks: int
    seed: int
    contenders: tuple[ContenderFigures, ...]
    not_run: tuple[NotRun, ...]


class Bench(RecordModel):
    """Several ways to run the same stream.

    Attributes:
        schema_version: The version of the schema.
        created: When it was written: UTC, ISO 8601, to the second.
        environment: The machine and the library versions; `threads` is the largest number of any run.
        onnxruntime: The version of ONNX Runtime; null if it is not installed.
        checkpoint: The checkpoint of the model.
        reduction: How the pitch is computed from the activations.
        sample_rate_hz: The sample rate of the stream.
        chunk_samples: The samples of a call.
        frames_per_chunk: The frames of a call.
        streams: The voices of a call.
        mirror: The share of the window's future half that is padded.
        algorithmic_ms: The delay by geometry, as in `latency` of a result.
        clips: The clips of the timed audio.
        audio_s: The length of the excerpt of these clips, which is repeated.
        runs: One run for each number of threads.
    """

    schema_version: Literal[1] = 1
    created: str
    environment: Environment
    onnxruntime: str | None
    checkpoint: str
    reduction: str
    sample_rate_hz: int
    chunk_samples: int
    frames_per_chunk: int
    streams: int
    mirror: float
    algorithmic_ms: float | None = None
    clips: tuple[str, ...]
    audio_s: float
    runs: tuple[Run, ...]

    @property
    def chunk_ms(self) -> float:
        """The period of a chunk."""
        return 1000.0 * self.chunk_samples / self.sample_rate_hz

    @property
    def title(self) -> str:
        """The stream and the processor, in a line."""
        frames = "1 frame" if self.frames_per_chunk == 1 else f"{self.frames_per_chunk} frames"
        streams = f", {self.streams} streams" if self.streams > 1 else ""
        delay = ""
        if self.algorithmic_ms is not None:
            delay = f", delay {self.algorithmic_ms + self.chunk_ms / 2:.1f} ms by geometry"
        return (
            f"{self.sample_rate_hz} Hz, {self.chunk_samples}-sample chunks ({self.chunk_ms:.4g} ms), {frames} a call"
            f"{streams}, mirror {self.mirror:g}{delay}; {self.environment.cpu}"
        )


def onnxruntime_version() -> tuple[str | None, dict[str, str]]:
    """Returns the version of ONNX Runtime, and `null_reasons` if it is not installed."""
    try:
        return version("onnxruntime"), {}
    except PackageNotFoundError:
        return None, {"onnxruntime": "not installed"}
