"""The terminal table of a bench."""

from pathlib import Path

from workbench.measure.bench import ContenderFigures, SpeedRatio
from workbench.records.bench import BENCH_NAME, BENCH_PLOT_NAME, Bench, Run
from workbench.report.columns import tones_text
from workbench.report.formatting import DASH, counted, format_number
from workbench.report.tables.terminal import colored, console, plain_table, print_heading, print_lines


def contender_cells(figures: ContenderFigures, references: tuple[str, ...]) -> dict[str, str]:
    """Returns the figures of one contender as text by column; a dash stands for a missing number.

    `references` are the contenders that it is compared with.
    """
    latency, load = figures.latency, figures.under_load
    return {
        "contender": figures.name,
        "claim": figures.claim,
        **{f"times faster than {other}": _times_faster(figures.ratios.get(other)) for other in references},
        "p50 (ms)": f"{latency.p50_ms:.2f}",
        "p90": f"{latency.p90_ms:.2f}",
        "p95": f"{latency.p95_ms:.2f}",
        "p99": f"{latency.p99_ms:.2f}",
        "max": f"{latency.max_ms:.2f}",
        "of real time": f"{figures.real_time_factor:.3f}",
        "missed under load": f"{load.missed} / {load.calls}",
        "pitch p95 (cents)": format_number(figures.pitch.p95_cents if figures.pitch else None, ".4f"),
        "delay (ms)": format_number(figures.delay.delay_ms if figures.delay else None, ".1f"),
        "tones move / off (cents)": tones_text(figures.steadiness.tones if figures.steadiness else None),
        "voiced": f"{figures.voiced_frames}",
        "load (ms)": f"{figures.load_ms:.0f}",
        "first step": f"{figures.first_step_ms:.1f}",
        "peak memory (MB)": f"{figures.peak_rss_bytes / 1e6:.0f}",
        "of it loading": f"{figures.load_rss_bytes / 1e6:.0f}",
        "bytes": f"{figures.bytes:,d}",
    }


def _times_faster(ratio: SpeedRatio | None) -> str:
    return ratio.text() if ratio else DASH


def bench_rows(run: Run) -> list[dict[str, str]]:
    """Returns a row of cells for each contender, compared with eager, and with ONNX Runtime if it ran."""
    names = [figures.name for figures in run.contenders]
    references = tuple(name for name in ("eager", "onnx") if name in names)
    return [contender_cells(figures, references) for figures in run.contenders]


def print_bench(bench: Bench, folder: Path) -> None:
    """Prints a table for each number of threads, why a claim is not made, and the paths of what was written."""
    output = console(260)
    print_heading(output, bench.title)
    for run in bench.runs:
        print_heading(output, f"\n{counted(run.threads, 'thread')}")
        output.print(plain_table(colored(bench_rows(run), "claim"), left=("contender", "claim")))
        print_lines(
            output, [f"{figures.name}: {figures.claim}: {figures.why}" for figures in run.contenders if figures.why]
        )
        print_lines(output, [f"{absent.name}: not run: {absent.reason}" for absent in run.not_run])
    output.print()
    print_lines(output, [f"record   {folder / BENCH_NAME}", f"picture  {folder / BENCH_PLOT_NAME}"])
