"""The output of `soak`: a row for each segment."""

from pathlib import Path

from workbench.records.soak import SOAK_NAME, SOAK_PLOT_NAME, Soak
from workbench.report.columns import max_without_jumps_cents
from workbench.report.formatting import format_number
from workbench.report.tables.terminal import console, plain_table, print_lines


def print_soak(soak: Soak, folder: Path) -> None:
    """Prints a row for each segment, the verdict with its reasons, and the path of the record."""
    output = console()
    rows = [
        {
            "until (s)": f"{segment.until_s:.0f}",
            "voiced / all frames": f"{segment.voiced_frames} / {segment.frames}",
            "pitch p95 (cents)": format_number(segment.pitch.p95_cents, ".4f"),
            "max without jumps": format_number(max_without_jumps_cents(segment.pitch), ".4f"),
            "jumps": format_number(segment.pitch.over_50_cents_rate, ".2%"),
            "p50 (ms)": f"{segment.variant_p50_ms:.3f}",
            "p95 (ms)": f"{segment.variant_p95_ms:.3f}",
            "p99 (ms)": format_number(segment.variant_p99_ms, ".3f"),
            "memory (MB)": f"{segment.resident_bytes / 1e6:.1f}",
        }
        for segment in soak.stretches
    ]
    output.print(plain_table(rows))
    output.print()
    where = " in the native host" if soak.native else ""
    ran = f"{soak.hours:g} h of audio in {soak.took_s:.0f} s{where}"
    print_lines(output, [f"{soak.recipe.name}: {soak.verdict}, {ran}"], 0)
    print_lines(output, [*soak.reasons, f"record   {folder / SOAK_NAME}", f"picture  {folder / SOAK_PLOT_NAME}"])
