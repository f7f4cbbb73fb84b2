"""The terminal table of a bench."""

from pathlib import Path

from workbench.measure.bench.claim import SpeedRatio
from workbench.measure.bench.figures import ContenderFigures
from workbench.measure.native_speed import NativeSpeed
from workbench.records.bench import BENCH_NAME, BENCH_PLOT_NAME, Bench, Run
from workbench.report.columns import tones_text, without_empty_columns
from workbench.report.formatting import DASH, counted, format_number
from workbench.report.tables.terminal import colored, console, plain_table, print_heading, print_lines


def contender_cells(figures: ContenderFigures, references: tuple[str, ...]) -> dict[str, str]:
    """Returns the figures of one contender as text by column; a dash stands for a missing number.

    `references` are the contenders that it is compared with.
    """
    latency, load, native = figures.latency, figures.under_load, figures.native
    return {
        "contender": figures.name,
        "claim": figures.claim,
        **{f"times faster than {other}": _times_faster(figures.ratios.get(other)) for other in references},
        "native p50 (µs)": format_number(native.p50_us if native else None, ".0f"),
        "times faster (native)": native.speedup.text() if native else DASH,
        "p50 (ms)": f"{latency.p50_ms:.2f}",
        "p95": f"{latency.p95_ms:.2f}",
        "p99": f"{latency.p99_ms:.2f}",
        "max": f"{latency.max_ms:.2f}",
        "missed under load": f"{load.missed} / {load.calls}",
        "pitch p95 (cents)": format_number(figures.pitch.p95_cents if figures.pitch else None, ".4f"),
        "delay (ms)": format_number(figures.delay.delay_ms if figures.delay else None, ".1f"),
        "tones move / off (cents)": tones_text(figures.steadiness.tones if figures.steadiness else None),
        "load (ms)": f"{figures.load_ms:.0f}",
        "first step": f"{figures.first_step_ms:.1f}",
        "peak memory (MB)": f"{figures.peak_rss_bytes / 1e6:.0f}",
        "of it loading": f"{figures.load_rss_bytes / 1e6:.0f}",
        "bytes": f"{figures.bytes:,d}",
    }


def _times_faster(ratio: SpeedRatio | None) -> str:
    return ratio.text() if ratio else DASH


def native_cells(figures: ContenderFigures, native: NativeSpeed, calls: int) -> dict[str, str]:
    """Returns the figures of one contender in the native host as text by column; `calls` is how many were timed."""
    memory_mb = None if native.peak_rss_bytes is None else native.peak_rss_bytes / 1e6
    return {
        "contender": figures.name,
        "times faster than eager": native.speedup.text(),
        "p50 (µs)": f"{native.p50_us:.0f}",
        "p95": f"{native.p95_us:.0f}",
        "p99": f"{native.p99_us:.0f}",
        "max": f"{native.max_us:.0f}",
        "missed deadlines": f"{round(native.deadline_miss_rate * calls)} / {calls}",
        "load (ms)": f"{native.load_ms:.1f}",
        "first call (µs)": f"{native.first_call_us:.0f}",
        "peak memory (MB)": format_number(memory_mb, ".1f"),
        "allocations a call": format_number(native.allocations_per_call, ".1f"),
    }


def native_rows(run: Run) -> list[dict[str, str]]:
    """Returns a row of cells for each contender that was timed in the native host."""
    calls = run.rounds * run.chunks_per_round
    return [native_cells(figures, figures.native, calls) for figures in run.contenders if figures.native]


def bench_rows(run: Run) -> list[dict[str, str]]:
    """Returns a row of cells for each contender, compared with eager, and with ONNX Runtime if it ran."""
    names = [figures.name for figures in run.contenders]
    references = tuple(name for name in ("eager", "onnx") if name in names)
    return [contender_cells(figures, references) for figures in run.contenders]


def _without_native(run: Run) -> list[str]:
    """A line for each reason why contenders were not timed in the native host."""
    names: dict[str, list[str]] = {}
    for figures in run.contenders:
        if figures.native is None:
            names.setdefault(figures.null_reasons["native"], []).append(figures.name)
    return [f"{', '.join(each)}: no native times: {reason}" for reason, each in names.items()]


def print_bench(bench: Bench, folder: Path) -> None:
    """Prints a table for each number of threads, why a claim is not made, and the paths of what was written."""
    output = console(300)
    print_heading(output, bench.title)
    for run in bench.runs:
        print_heading(output, f"\n{counted(run.threads, 'thread')}")
        rows = without_empty_columns(bench_rows(run))
        output.print(plain_table(colored(rows, "claim"), left=("contender", "claim")))
        print_lines(
            output, [f"{figures.name}: {figures.claim}: {figures.why}" for figures in run.contenders if figures.why]
        )
        print_lines(output, [f"{absent.name}: not run: {absent.reason}" for absent in run.not_run])
        if native := native_rows(run):
            print_heading(output, f"\n{counted(run.threads, 'thread')}, in the native host, without Python")
            output.print(plain_table(native, left=("contender",)))
        print_lines(output, _without_native(run))
    output.print()
    print_lines(output, [f"record   {folder / BENCH_NAME}", f"picture  {folder / BENCH_PLOT_NAME}"])
