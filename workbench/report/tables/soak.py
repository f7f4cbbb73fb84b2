"""The terminal table of a soak."""

import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from workbench.records.soak import SOAK_NAME, Soak


def print_soak(soak: Soak, folder: Path) -> None:
    """Print a row for each part, the verdict and its reasons, to stdout."""
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 200, highlight=False)
    columns = ("until (s)", "voiced / all frames", "pitch p95 (cents)", "max", "p50 (ms)", "p95 (ms)", "memory (MB)")
    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for part in soak.stretches:
        cents = (part.pitch.p95_cents, part.pitch.max_cents)
        table.add_row(
            f"{part.until_s:.0f}",
            f"{part.voiced_frames} / {part.frames}",
            *("–" if value is None else f"{value:.4f}" for value in cents),
            f"{part.variant_p50_ms:.2f}",
            f"{part.variant_p95_ms:.2f}",
            f"{part.resident_bytes / 1e6:.1f}",
        )
    console.print(table)
    console.print(
        f"\n{soak.recipe.name}: {soak.verdict}, {soak.hours:g} h of audio in {soak.took_s:.0f} s", markup=False
    )
    for reason in soak.reasons:
        console.print(f"  {reason}", markup=False)
    console.print(f"  record   {folder / SOAK_NAME}", markup=False, soft_wrap=True)
