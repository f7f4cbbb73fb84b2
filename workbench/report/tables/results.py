"""The table at the end of a run."""

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from workbench.records.result import RESULT_NAME, Result
from workbench.report.formatting import number, result_cells, some_sizes, weakest_layer

_COLORS = {"pass": "green", "fail": "red", "inconclusive": "yellow", "failed": "red", "refused": "bright_black"}


def colored(verdict: str) -> str:
    """A verdict, or what a point of a sweep came to, in its colour."""
    return f"[{_COLORS[verdict.split()[0]]}]{verdict}[/]"


def print_results(results: Sequence[tuple[Result, Path]]) -> None:
    """Print the table, the reasons of whatever did not pass, and where everything is, to stdout."""
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 200, highlight=False, soft_wrap=False)
    table = Table(box=None, header_style="bold", pad_edge=False)
    rows = [result_cells(record) for record, _ in results]
    for column in rows[0]:
        table.add_column(column, justify="left" if column in ("variant", "verdict") else "right")
    for row in rows:
        table.add_row(*(colored(text) if name == "verdict" else text for name, text in row.items()))
    console.print(table)
    for record, place in results:
        console.print(f"\n{record.recipe.name}", style="bold", markup=False)
        for reason in record.reasons:
            console.print(f"  {record.verdict}: {reason}", markup=False)
        console.print(f"  record   {place / RESULT_NAME}", markup=False, soft_wrap=True)
        for line in (*_int8_lines(record), *_size_lines(record)):
            console.print(f"  {line}", markup=False, soft_wrap=True)
        if record.program:
            console.print(f"  program  {place / record.program.path}", markup=False, soft_wrap=True)
        if record.deviation:
            console.print(f"  pictures {place / 'pictures'}", markup=False, soft_wrap=True)


def _int8_lines(record: Result) -> list[str]:
    """What was quantized, how it was calibrated, and where its error is made; nothing for a float program."""
    program = record.program
    calibration = program.calibration if program else None
    if program is None or calibration is None:
        return []
    counts = " and ".join(f"{count} {name}s" for name, count in program.quantized_ops.items())
    lines = [
        f"int8     {counts}, {program.bytes_by_dtype.get('int8', 0):,} bytes of weights",
        f"ranges   from {calibration.excerpts} clips ({calibration.audio_s:.0f} s) in {calibration.took_s:.0f} s",
    ]
    if (stable := calibration.stability) and stable.scale_median_relative is not None:
        lines.append(
            f"stable   on other clips scales would move by {stable.scale_median_relative:.0%} (median), pitch by "
            f"{number(stable.pitch_p95_cents, '.2f')} cents (p95)"
        )
    if weakest := weakest_layer(record):
        lines.append(f"noise    most is made in {weakest.layer}: {weakest.alone_db:.1f} dB below its signal")
    return lines


def _size_lines(record: Result) -> list[str]:
    """What a larger call buys, where the program takes several sizes; all of them are in the record."""
    return [
        f"size     {size.frames_per_chunk} frames a call: {size.variant_p50_ms_per_frame:.2f} ms a frame, baseline "
        f"{size.baseline_p50_ms_per_frame:.2f}; pitch p95 {number(size.p95_cents, '.4f')} cents, max "
        f"{number(size.max_cents, '.4f')}"
        for size in some_sizes(record)
    ]
