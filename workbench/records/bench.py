"""The record of a bench, and its tables. `bench.json`, schema_version 1."""

import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table

from workbench.measure.bench import ContenderFigures, Ratio
from workbench.record_model import RecordModel
from workbench.records.environment import Environment
from workbench.report.formatting import number

BENCH_NAME, PICTURE_NAME = "bench.json", "bench.png"
_COLORS = {"faster": "green", "slower": "yellow", "inconclusive": "yellow", "wrong": "red", "baseline": "white"}


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


def cells(figures: ContenderFigures, held_against: tuple[str, ...]) -> dict[str, str]:
    """The figures of one contender as text, column by column; a dash where there is no number. `held_against`: the
    contenders that it is compared with."""
    latency, load = figures.latency, figures.under_load
    return {
        "contender": figures.name,
        "claim": figures.claim,
        **{f"times faster than {other}": _spread(figures.ratios.get(other)) for other in held_against},
        "p50 (ms)": f"{latency.p50_ms:.2f}",
        "p90": f"{latency.p90_ms:.2f}",
        "p95": f"{latency.p95_ms:.2f}",
        "p99": f"{latency.p99_ms:.2f}",
        "max": f"{latency.max_ms:.2f}",
        "of real time": f"{figures.real_time_factor:.3f}",
        "missed under load": f"{load.missed} / {load.calls}",
        "pitch p95 (cents)": number(figures.pitch.p95_cents if figures.pitch else None, ".4f"),
        "voiced": f"{figures.voiced_frames}",
        "load (ms)": f"{figures.load_ms:.0f}",
        "first step": f"{figures.first_step_ms:.1f}",
        "peak memory (MB)": f"{figures.peak_rss_bytes / 1e6:.0f}",
        "of it loading": f"{figures.load_rss_bytes / 1e6:.0f}",
        "bytes": f"{figures.bytes:,d}",
    }


def _spread(ratio: Ratio | None) -> str:
    return number(None, "") if ratio is None else f"{ratio.p50:.2f} ({ratio.low:.2f}–{ratio.high:.2f})"


def rows(run: Run) -> list[dict[str, str]]:
    """A row of cells for each contender: held against eager, and against ONNX Runtime where it ran."""
    names = [figures.name for figures in run.contenders]
    held_against = tuple(name for name in ("eager", "onnx") if name in names)
    return [cells(figures, held_against) for figures in run.contenders]


def print_bench(bench: Bench, folder: Path) -> None:
    """Print a table for each number of threads, why a claim is not made, and where everything is, to stdout."""
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 260, highlight=False, soft_wrap=False)
    console.print(bench.title, style="bold", markup=False)
    for run in bench.runs:
        console.print(f"\n{run.threads} thread{'s' * (run.threads > 1)}", style="bold", markup=False)
        table = Table(box=None, header_style="bold", pad_edge=False)
        texts = rows(run)
        for column in texts[0]:
            table.add_column(column, justify="left" if column in ("contender", "claim") else "right")
        for row in texts:
            table.add_row(*(f"[{_COLORS[text]}]{text}[/]" if name == "claim" else text for name, text in row.items()))
        console.print(table)
        for figures in run.contenders:
            if figures.why:
                console.print(f"  {figures.name}: {figures.claim}: {figures.why}", markup=False, soft_wrap=True)
        for absent in run.not_run:
            console.print(f"  {absent.name}: not run: {absent.reason}", markup=False, soft_wrap=True)
    console.print(f"\n  record   {folder / BENCH_NAME}", markup=False, soft_wrap=True)
    console.print(f"  picture  {folder / PICTURE_NAME}", markup=False, soft_wrap=True)
