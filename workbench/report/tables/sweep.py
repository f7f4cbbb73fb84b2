"""A sweep as a table: a row for each point, baseline → variant."""

import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from workbench.records.sweep import PICTURE_NAME, SWEEP_NAME, Sweep, SweepPoint
from workbench.report.formatting import DASH, number
from workbench.report.tables.results import colored


def cells(point: SweepPoint, fair: bool) -> dict[str, str]:
    """The figures of one point as text, column by column; a dash where there is no number."""
    setting = point.setting
    outcome = str(point.verdict) if point.status == "measured" else point.status
    return {
        "rate (Hz)": f"{setting.sample_rate_hz}",
        "mirror": f"{setting.mirror:g}",
        "chunk": f"{setting.chunk_samples} ({setting.chunk_ms:.4g} ms)",
        "verdict": outcome if fair else f"{outcome} (UNFAIR)",
        "rpa50": _both(point, "rpa50", ".4f"),
        "voicing recall": _both(point, "voicing_recall", ".3f"),
        "p95 (cents)": number(point.pitch_p95_cents, ".4f"),
        "max": number(point.pitch_max_cents, ".4f"),
        "delay (ms)": _both(point, "delay_ms", ".1f"),
        "by geometry": number(point.geometry_ms, ".1f"),
        "bytes": number(point.program_bytes, ",.0f"),
        "p50 (ms)": _both(point, "p50_ms", ".2f"),
        "of real time": _both(point, "real_time_factor", ".3f"),
    }


def _both(point: SweepPoint, name: str, form: str) -> str:
    if point.baseline is None or point.variant is None:
        return DASH
    return " → ".join(number(getattr(side, name), form) for side in (point.baseline, point.variant))


def print_sweep(sweep: Sweep, folder: Path) -> None:
    """Print the table, why points have no figures, and where everything is, to stdout."""
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 200, highlight=False, soft_wrap=False)
    console.print(sweep.title, style="bold", markup=False)
    table = Table(box=None, header_style="bold", pad_edge=False)
    rows = [cells(point, sweep.protocol.fair) for point in sweep.points]
    for column in rows[0]:
        table.add_column(column, justify="left" if column == "verdict" else "right")
    for row in rows:
        table.add_row(*(colored(text) if name == "verdict" else text for name, text in row.items()))
    console.print(table)
    for point in sweep.points:
        for reason in _reasons(point):
            console.print(f"  {point.setting.suffix}: {reason}", markup=False, soft_wrap=True)
    console.print(f"\n  sweep    {folder / SWEEP_NAME}", markup=False, soft_wrap=True)
    console.print(f"  picture  {folder / PICTURE_NAME}", markup=False, soft_wrap=True)


def _reasons(point: SweepPoint) -> list[str]:
    """Why the point did not pass, and why a figure of a measured one is a dash, each once."""
    if point.status == "refused":
        return [f"refused: {reason}" for reason in point.reasons]
    nulls = [
        f"{name}.{key} has no value: {why}"
        for name, side in (("baseline", point.baseline), ("variant", point.variant))
        if side is not None
        for key, why in side.null_reasons.items()
    ]
    return [f"{point.verdict}: {reason}" for reason in point.reasons] + nulls
