"""The terminal tables of a profile."""

import re
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from workbench.measure.operators.figures import PartFigures, Totals, furthest_from_bound
from workbench.measure.operators.layer_costs import Layer
from workbench.records.profile import _DOT_PRODUCTS, _INT8_SAVES_TIME_FROM, PICTURE_NAME, PROFILE_NAME, Profile
from workbench.report.formatting import DASH, number

_WORTH_SAYING = 3  # parts that are furthest above their bounds


_MANY = 8  # layers that differ by a number alone are a row each up to here


def part_cells(part: PartFigures) -> dict[str, str]:
    """A part as text, column by column; a dash where there is no number."""
    least = part.bound
    return {
        "part": part.name,
        "share": number(part.share, ".1%"),
        "net (µs)": part.net_us.text(1) if part.net_us else DASH,
        "as timed": f"{part.us.p50:.1f}",
        "bound": number(least.us if least else None, ".1f"),
        "set by": least.by if least else DASH,
        "efficiency": number(part.efficiency, ".0%"),
        "above bound": number(part.above_bound_us, ".1f"),
        "multiply-adds": f"{part.macs:,}",
        "bytes": f"{part.weight_bytes:,}",
    }


def layer_cells(layers: Sequence[Layer]) -> list[dict[str, str]]:
    """A row for each layer; many that differ by a number alone are one."""
    alike: dict[tuple[str, str], list[Layer]] = defaultdict(list)
    for layer in layers:
        alike[re.sub(r"\.\d+(\.[a-z]+)?$", r".*\1", layer.name), layer.dtype].append(layer)
    rows = []
    for (name, dtype), same in alike.items():
        together = {f"{name} ({len(same)} layers)": same} if len(same) > _MANY else {one.name: [one] for one in same}
        for label, group in together.items():
            macs, size = sum(one.macs for one in group), sum(one.bytes for one in group)
            rows.append({"layer": label, "type": dtype, "multiply-adds": f"{macs:,}", "bytes": f"{size:,}"})
    return rows


def sum_lines(profile: Profile) -> list[str]:
    """The parts' sum held against the whole, in words."""
    totals, count = profile.totals, len(profile.parts)
    return [
        f"program  {totals.program_us.text(1)} µs a call; the {count} parts, lowered and timed alone, come to "
        f"{totals.sum_us.p50:.1f}",
        f"apart    {count} calls of {totals.empty_us.p50:.1f} µs of Python and runtime each are "
        f"{count * totals.empty_us.p50:.1f} of it; the program has one",
        f"sum      net of that the parts are {totals.net_sum_us.p50:.1f} µs: with one call, "
        f"{totals.explained.p50:.2f} ({totals.explained.low:.2f}–{totals.explained.high:.2f}) of the program; "
        f"{_rest(totals)}",
        f"chained  the parts' pitch is within {totals.pitch_difference_max_cents:.4f} cents of the program's over "
        f"{profile.warmup_calls} calls",
    ]


def _rest(totals: Totals) -> str:
    """What is left between the parts and the program, in words."""
    explained = totals.explained
    if explained.low <= 1 <= explained.high:
        return "over rounds it is not told apart from all of it"
    rest_us = abs(1 - explained.p50) * totals.program_us.p50
    return f"{rest_us:.1f} µs are " + ("in no part" if explained.p50 < 1 else "what lowering them together saves")


def peak_lines(profile: Profile) -> list[str]:
    """The machine's own peaks, and what they say of int8."""
    at = profile.peaks
    ratio = at.int8_over_float32
    meaning = "int8 can save time here" if ratio.p50 >= _INT8_SAVES_TIME_FROM else "int8 saves bytes here, not time"
    lines = [
        f"float32  {at.float32_gmacs.text(1)} × 1e9 multiply-adds a second ({at.float32_what})",
        f"int8     {at.int8_gmacs.text(1)} × 1e9 multiply-adds a second ({at.int8_what})",
        f"int8 peak is {ratio.p50:.2f} ({ratio.low:.2f}–{ratio.high:.2f}) times the float32 peak on this machine: "
        f"{meaning}",
        f"weights  {at.read_gbytes.text(1)} GB/s ({at.read_what}): as many bytes as the program's, read in "
        "every call, as in the bounds",
        f"memory   {at.memory_gbytes.text(1)} GB/s ({at.memory_what}): more than the caches hold; for a machine where "
        "something else empties them between calls",
    ]
    if profile.instructions is not None:
        dots = [name for name in profile.instructions if name in _DOT_PRODUCTS]
        lines.append(
            f"processor has {', '.join(profile.instructions) or 'none of the instructions looked for'}"
            + ("" if dots else f"; no dot product of 8-bit integers ({', '.join(_DOT_PRODUCTS)})")
        )
    return lines


def next_lines(profile: Profile) -> list[str]:
    """What is worth optimizing: the parts with most time above their bounds."""
    lines = []
    for at, part in enumerate(furthest_from_bound(profile.parts, _WORTH_SAYING), 1):
        assert part.net_us and part.bound and part.above_bound_us
        share_of_program = part.above_bound_us / profile.totals.program_us.p50
        lines.append(
            f"{at}. {part.name}: {part.above_bound_us:.1f} of {part.net_us.p50:.1f} µs are above its bound by "
            f"{part.bound.by}, {share_of_program:.0%} of the program"
        )
    return lines


def print_profile(profile: Profile, folder: Path) -> None:
    """Print parts, layers, what they are held against, and where everything is, to stdout."""
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 200, highlight=False, soft_wrap=False)

    def say(lines: Sequence[str], heading: str) -> None:
        console.print(f"\n{heading}", style="bold", markup=False)
        for line in lines:
            console.print(f"  {line}", markup=False, soft_wrap=True)

    console.print(profile.title, style="bold", markup=False)
    console.print(_table([part_cells(part) for part in profile.parts], ("part", "set by")))
    say(sum_lines(profile), "The sum against the whole")
    say(peak_lines(profile), "What this machine can do at most, through the same runtime")
    say(next_lines(profile), "Most above its bound")
    console.print("\nLayers", style="bold")
    console.print(_table(layer_cells([layer for part in profile.parts for layer in part.layers]), ("layer", "type")))
    if profile.events:
        console.print("\nWhat the runtime recorded of the whole program", style="bold")
        rows = [{"event": event.name, "p50 (µs)": f"{event.p50_us:.1f}"} for event in profile.events]
        console.print(_table(rows, ("event",)))
    else:
        say([profile.null_reasons["events"]], "Events")
    console.print(f"\n  record   {folder / PROFILE_NAME}", markup=False, soft_wrap=True)
    console.print(f"  picture  {folder / PICTURE_NAME}", markup=False, soft_wrap=True)


def _table(rows: Sequence[dict[str, str]], left: Sequence[str]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in rows[0]:
        table.add_column(column, justify="left" if column in left else "right")
    for row in rows:
        table.add_row(*row.values())
    return table
