"""The table at the end of a run."""

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from workbench.audit.results import RESULT_NAME, Record
from workbench.export.program import LayerGap

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


def int8_cells(record: Record) -> dict[str, str]:
    """What a quantized variant's calibration tells, column by column; a dash where there is no number."""
    deviation, program = record.deviation, record.program
    calibration = program.calibration if program else None
    stable = calibration.stability if calibration else None
    weakest = weakest_layer(record)
    return {
        "variant": record.recipe.name,
        "pitch p95 (cents)": _number(deviation.pitch.p95_cents if deviation else None, ".2f"),
        "over 50 cents": _number(deviation.pitch.over_50_cents_rate if deviation else None, ".2%"),
        "voiced frames": _number(deviation.voiced_frames if deviation else None, "d"),
        "layers in int8": _number(sum(program.quantized_ops.values()) if program else None, "d"),
        "bytes": _number(program.bytes if program else None, ",d"),
        "most noise made in": f"{weakest.layer} ({weakest.alone_db:.1f} dB)" if weakest else _NONE,
        "other clips: pitch p95": _number(stable.pitch_p95_cents if stable else None, ".2f"),
        "scales, median": _number(stable.scale_median_relative if stable else None, ".0%"),
        "calibration (s)": _number(calibration.took_s if calibration else None, ".0f"),
    }


def weakest_layer(record: Record) -> LayerGap | None:
    """The layer that makes most of the noise: least signal to noise when fed what the float network has there."""
    calibration = record.program.calibration if record.program else None
    noisy = [gap for gap in calibration.gaps if gap.alone_db is not None] if calibration else []
    return min(noisy, key=lambda gap: gap.alone_db or 0, default=None)


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
        for line in _int8_lines(record):
            console.print(f"  {line}", markup=False, soft_wrap=True)
        if record.program:
            console.print(f"  program  {place / record.program.path}", markup=False, soft_wrap=True)
            console.print(f"  pictures {place / 'pictures'}", markup=False, soft_wrap=True)


def _int8_lines(record: Record) -> list[str]:
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
            f"{_number(stable.pitch_p95_cents, '.2f')} cents (p95)"
        )
    if weakest := weakest_layer(record):
        lines.append(f"noise    most is made in {weakest.layer}: {weakest.alone_db:.1f} dB below its signal")
    return lines


def markdown(rows: Sequence[dict[str, str]]) -> str:
    """Rows of cells as a table in Markdown, for a README or a pull request."""
    columns = list(rows[0])
    rule = [":--" if column in ("variant", "verdict") else "--:" for column in columns]
    lines = [columns, rule, *([row[column] for column in columns] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
