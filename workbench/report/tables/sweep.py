"""The output of `sweep`: a row for each point, baseline → variant."""

from pathlib import Path

from workbench.records.sweep import SWEEP_NAME, SWEEP_PLOT_NAME, Sweep, SweepPoint
from workbench.report.columns import without_empty_columns
from workbench.report.formatting import DASH, format_number
from workbench.report.tables.terminal import colored, console, plain_table, print_heading, print_lines


def point_cells(point: SweepPoint, fair: bool) -> dict[str, str]:
    """Returns the figures of one point as text by column; a dash stands for a missing number."""
    setting = point.setting
    outcome = str(point.verdict) if point.status == "measured" else point.status
    return {
        "rate (Hz)": f"{setting.sample_rate_hz}",
        "mirror": f"{setting.mirror:g}",
        "chunk": f"{setting.chunk_samples} ({setting.chunk_ms:.4g} ms)",
        "verdict": outcome if fair else f"{outcome} (UNFAIR)",
        "rpa50": _both(point, "rpa50", ".4f"),
        "voicing recall": _both(point, "voicing_recall", ".3f"),
        "p95 (cents)": format_number(point.pitch_p95_cents, ".4f"),
        "max without jumps": format_number(point.pitch_max_without_jumps_cents, ".4f"),
        "jumps": format_number(point.over_50_cents_rate, ".2%"),
        "delay (ms)": _both(point, "delay_ms", ".1f"),
        "delay by geometry": format_number(point.geometry_ms, ".1f"),
        "tones move (cents)": _both(point, "tones_std_cents", ".1f"),
        "off, p95": _both(point, "tones_p95_cents", ".1f"),
        "glides off, p95": _both(point, "glides_p95_cents", ".1f"),
        "bytes": format_number(point.program_bytes, ",.0f"),
        "native p50 (µs)": format_number(point.native_p50_us, ".0f"),
        "p99": format_number(point.native_p99_us, ".0f"),
        "times faster (native)": format_number(point.native_speedup_p50, ".2f"),
        "p50 (ms)": _both(point, "p50_ms", ".2f"),
        "of real time": _both(point, "real_time_factor", ".3f"),
    }


def _both(point: SweepPoint, name: str, form: str) -> str:
    if point.baseline is None or point.variant is None:
        return DASH
    return " → ".join(format_number(getattr(side, name), form) for side in (point.baseline, point.variant))


def print_sweep(sweep: Sweep, folder: Path) -> None:
    """Prints the table, why points have no figures, and the paths of what was written."""
    output = console(260)
    print_heading(output, sweep.title)
    rows = [point_cells(point, sweep.protocol.fair) for point in sweep.points]
    output.print(plain_table(colored(without_empty_columns(rows), "verdict"), left=("verdict",)))
    for point in sweep.points:
        print_lines(output, [f"{point.setting.suffix}: {reason}" for reason in _reasons(point)])
    output.print()
    print_lines(output, [f"sweep    {folder / SWEEP_NAME}", f"picture  {folder / SWEEP_PLOT_NAME}"])


def _reasons(point: SweepPoint) -> list[str]:
    """Why the point did not pass, and why figures of a measured point are missing."""
    if point.status == "refused":
        return [f"refused: {reason}" for reason in point.reasons]
    nulls = [
        f"{name}.{key} has no value: {why}"
        for name, side in (("baseline", point.baseline), ("variant", point.variant))
        if side is not None
        for key, why in side.null_reasons.items()
    ]
    return [f"{point.verdict}: {reason}" for reason in point.reasons] + nulls
