"""The record of a bench, and its tables. `bench.json`, schema_version 1."""

from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from workbench.measure.bench import ContenderFigures
from workbench.record_model import RecordModel
from workbench.records.environment import Environment

BENCH_NAME, PICTURE_NAME = "bench.json", "bench.png"


class NotRun(RecordModel):
    """A contender without figures, and why."""

    name: str
    reason: str


class Run(RecordModel):
    """All contenders with one number of threads, eager first."""

    threads: int
    rounds: int
    chunks_per_round: int
    warmup_chunks: int
    seed: int  # of the order of the contenders within each round
    contenders: tuple[ContenderFigures, ...]
    not_run: tuple[NotRun, ...]


class Bench(RecordModel):
    """One stream, several ways to run it. `environment.threads` is the most that any run uses."""

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
    clips: tuple[str, ...]
    audio_s: float  # of their excerpt, which goes round and round
    runs: tuple[Run, ...]

    @property
    def chunk_ms(self) -> float:
        """The period of the calls."""
        return 1000.0 * self.chunk_samples / self.sample_rate_hz

    @property
    def title(self) -> str:
        voices = f", {self.streams} streams" if self.streams > 1 else ""
        return (
            f"{self.sample_rate_hz} Hz, {self.chunk_samples}-sample chunks ({self.chunk_ms:.4g} ms), "
            f"{self.frames_per_chunk} frame{'s' * (self.frames_per_chunk > 1)} a call{voices}, mirror {self.mirror:g}; "
            f"{self.environment.cpu}"
        )


def onnxruntime_version() -> tuple[str | None, dict[str, str]]:
    """ONNX Runtime's version, and the reason why there is none."""
    try:
        return version("onnxruntime"), {}
    except PackageNotFoundError:
        return None, {"onnxruntime": "not installed"}
