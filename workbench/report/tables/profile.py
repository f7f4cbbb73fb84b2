"""The terminal tables of a profile."""

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from workbench.measure.operators.figures import PartFigures, Totals, furthest_from_bound
from workbench.measure.operators.layer_costs import Layer
from workbench.measure.process_info import INT8_DOT_PRODUCTS
from workbench.records.profile import PICTURE_NAME, PROFILE_NAME, Profile
from workbench.report.formatting import DASH, number
from workbench.report.tables.terminal import console, plain_table, print_heading, print_lines

_INT8_SAVES_TIME_FROM = 1.3  # times the float peak
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
        f"{totals.explained.text()} of the program; "
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
        f"int8 peak is {ratio.text()} times the float32 peak on this machine: {meaning}",
        f"weights  {at.read_gbytes.text(1)} GB/s ({at.read_what}): as many bytes as the program's, read in "
        "every call, as in the bounds",
        f"memory   {at.memory_gbytes.text(1)} GB/s ({at.memory_what}): more than the caches hold; for a machine where "
        "something else empties them between calls",
    ]
    if profile.instructions is not None:
        dots = [name for name in profile.instructions if name in INT8_DOT_PRODUCTS]
        lines.append(
            f"processor has {', '.join(profile.instructions) or 'none of the instructions looked for'}"
            + ("" if dots else f"; no dot product of 8-bit integers ({', '.join(INT8_DOT_PRODUCTS)})")
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
    """Prints parts, layers and what they are compared with, and the paths of what was written."""
    output = console()

    def print_section(heading: str, lines: Sequence[str]) -> None:
        print_heading(output, f"\n{heading}")
        print_lines(output, lines)

    print_heading(output, profile.title)
    output.print(plain_table([part_cells(part) for part in profile.parts], left=("part", "set by")))
    print_section("Sum of the parts and the whole program", sum_lines(profile))
    print_section("What this machine can do at most, through the same runtime", peak_lines(profile))
    print_section("Furthest above their bounds", next_lines(profile))
    print_heading(output, "\nLayers")
    layers = [layer for part in profile.parts for layer in part.layers]
    output.print(plain_table(layer_cells(layers), left=("layer", "type")))
    if profile.events:
        print_heading(output, "\nWhat the runtime recorded of the whole program")
        rows = [{"event": event.name, "p50 (µs)": f"{event.p50_us:.1f}"} for event in profile.events]
        output.print(plain_table(rows, left=("event",)))
    else:
        print_section("Events", [profile.null_reasons["events"]])
    output.print()
    print_lines(output, [f"record   {folder / PROFILE_NAME}", f"picture  {folder / PICTURE_NAME}"])
