"""The terminal table of a bench."""

import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from workbench.measure.bench import ContenderFigures, SpeedRatio
from workbench.records.bench import BENCH_NAME, PICTURE_NAME, Bench, Run
from workbench.report.formatting import DASH, number

_COLORS = {"faster": "green", "slower": "yellow", "inconclusive": "yellow", "wrong": "red", "baseline": "white"}


def cells(figures: ContenderFigures, held_against: tuple[str, ...]) -> dict[str, str]:
    """The figures of one contender as text, column by column; a dash where there is no number. `held_against`: the
    contenders that it is compared with."""
    latency, load = figures.latency, figures.under_load
    return {
        "contender": figures.name,
        "claim": figures.claim,
        **{f"times faster than {other}": _times_faster(figures.ratios.get(other)) for other in held_against},
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


def _times_faster(ratio: SpeedRatio | None) -> str:
    return ratio.text() if ratio else DASH


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
