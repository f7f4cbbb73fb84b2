"""The table at the end of a run."""

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from workbench.audit.results import RESULT_NAME, Record

_COLORS = {"pass": "green", "fail": "red", "inconclusive": "yellow"}
_NONE = "–"


def cells(record: Record) -> dict[str, str]:
    """The figures of one variant as text, column by column; a dash where there is no number."""
    deviation, program, speed, truth = record.deviation, record.program, record.speed, record.truth
    pitch = deviation.pitch if deviation else None
    baseline, variant = (truth.baseline, truth.variant) if truth else (None, None)
    return {
        "variant": record.recipe.name,
        "verdict": record.verdict if record.protocol.fair else f"{record.verdict} (UNFAIR)",
        "pitch p95 (cents)": _number(pitch.p95_cents if pitch else None, ".4f"),
        "max": _number(pitch.max_cents if pitch else None, ".4f"),
        "voiced / all frames": f"{deviation.voiced_frames} / {deviation.frames}" if deviation else _NONE,
        "confidence max": _number(deviation.confidence.max if deviation else None, ".1e"),
        "rpa50 baseline → variant": f"{baseline.rpa50:.4f} → {variant.rpa50:.4f}" if baseline and variant else _NONE,
        "bytes": _number(program.bytes if program else None, ",d"),
        "p50 (ms)": f"{speed.baseline.p50_ms:.2f} → {speed.variant.p50_ms:.2f}" if speed else _NONE,
        "times faster": _spread(speed.speedup_p50, speed.speedup_low, speed.speedup_high) if speed else _NONE,
    }


def _number(value: float | None, form: str) -> str:
    return _NONE if value is None else format(value, form)


def _spread(middle: float, low: float, high: float) -> str:
    return f"{middle:.2f} ({low:.2f}–{high:.2f})"


def _colored(verdict: str) -> str:
    return f"[{_COLORS[verdict.split()[0]]}]{verdict}[/]"


def print_results(results: Sequence[tuple[Record, Path]]) -> None:
    """Print the table, the reasons of whatever did not pass, and where everything is, to stdout."""
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 200, highlight=False, soft_wrap=False)
    table = Table(box=None, header_style="bold", pad_edge=False)
    rows = [cells(record) for record, _ in results]
    for column in rows[0]:
        table.add_column(column, justify="left" if column in ("variant", "verdict") else "right")
    for row in rows:
        table.add_row(*(_colored(text) if name == "verdict" else text for name, text in row.items()))
    console.print(table)
    for record, place in results:
        console.print(f"\n{record.recipe.name}", style="bold", markup=False)
        for reason in record.reasons:
            console.print(f"  {record.verdict}: {reason}", markup=False)
        console.print(f"  record   {place / RESULT_NAME}", markup=False, soft_wrap=True)
        if record.program:
            console.print(f"  program  {place / record.program.path}", markup=False, soft_wrap=True)
            console.print(f"  pictures {place / 'pictures'}", markup=False, soft_wrap=True)


def markdown(records: Sequence[Record]) -> str:
    """The same table in Markdown, for a README or a pull request."""
    rows = [cells(record) for record in records]
    columns = list(rows[0])
    rule = [":--" if column in ("variant", "verdict") else "--:" for column in columns]
    lines = [columns, rule, *([row[column] for column in columns] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
