"""The output of `profile`: parts, layers, the machine's peaks, and what is worth optimizing."""

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from workbench.measure.operators.figures import PartFigures, Totals, furthest_from_bound
from workbench.measure.operators.layer_costs import Layer
from workbench.records.profile import PROFILE_NAME, PROFILE_PLOT_NAME, Profile
from workbench.report.formatting import DASH, format_number
from workbench.report.tables.terminal import console, plain_table, print_heading, print_lines
from workbench.runtime.process_info import INT8_DOT_PRODUCTS

_EVENTS = 20  # of some 350 that the runtime records of a program
_PARTS_LISTED = 3  # of those furthest above their bounds
_ROWS_OF_SIMILAR_LAYERS = 8  # more layers whose names differ only by a number share one row
_INT8_SAVES_TIME_FROM = 1.3  # times the float32 peak


def part_cells(part: PartFigures) -> dict[str, str]:
    """Returns the figures of a part as text by column; a dash stands for a missing number."""
    bound = part.bound
    return {
        "part": part.name,
        "share": format_number(part.share, ".1%"),
        "net (µs)": part.net_us.text(1) if part.net_us else DASH,
        "as timed": f"{part.us.p50:.1f}",
        "bound": format_number(bound.us if bound else None, ".1f"),
        "set by": bound.by if bound else DASH,
        "efficiency": format_number(part.efficiency, ".0%"),
        "above bound": format_number(part.above_bound_us, ".1f"),
        "multiply-adds": f"{part.macs:,}",
        "bytes": f"{part.weight_bytes:,}",
    }


def layer_cells(layers: Sequence[Layer]) -> list[dict[str, str]]:
    """Returns a row for each layer; many layers whose names differ only by a number share one row."""
    groups: dict[tuple[str, str], list[Layer]] = defaultdict(list)
    for layer in layers:
        groups[_numbers_as_star(layer.name), layer.dtype].append(layer)
    rows = []
    for (pattern, _), similar in groups.items():
        if len(similar) > _ROWS_OF_SIMILAR_LAYERS:
            rows.append(_layer_row(f"{pattern} ({len(similar)} layers)", similar))
        else:
            rows += [_layer_row(layer.name, [layer]) for layer in similar]
    return rows


def _numbers_as_star(name: str) -> str:
    """`a.group.3.project` -> `a.group.*.project`: only a number that is last, or last but for one word."""
    return re.sub(r"\.\d+(\.[a-z]+)?$", r".*\1", name)


def _layer_row(label: str, layers: Sequence[Layer]) -> dict[str, str]:
    macs = sum(layer.macs for layer in layers)
    size = sum(layer.bytes for layer in layers)
    return {"layer": label, "type": layers[0].dtype, "multiply-adds": f"{macs:,}", "bytes": f"{size:,}"}


def sum_lines(profile: Profile) -> list[str]:
    """Returns the sum of the parts compared with the whole program, in words."""
    totals, count = profile.totals, len(profile.parts)
    return [
        f"program  {totals.program_us.text(1)} µs a call; the {count} parts, each lowered and timed as a program, take "
        f"{totals.sum_us.p50:.1f} together",
        f"calls    {count} calls of {totals.empty_us.p50:.1f} µs of Python and runtime each are "
        f"{count * totals.empty_us.p50:.1f} of it; the program has one",
        f"sum      net of these calls the parts take {totals.net_sum_us.p50:.1f} µs: with one call, "
        f"{totals.explained.text()} of the program; {_unexplained(totals)}",
        f"chained  the parts' pitch is within {totals.pitch_difference_max_cents:.4f} cents of the program's over "
        f"{profile.warmup_calls} calls",
    ]


def _unexplained(totals: Totals) -> str:
    """The difference between the parts and the program, in words."""
    explained = totals.explained
    if explained.low <= 1 <= explained.high:
        return "the difference is within the spread over rounds"
    difference_us = abs(1 - explained.p50) * totals.program_us.p50
    if explained.p50 < 1:
        return f"{difference_us:.1f} µs are in no part"
    return f"lowering them together saves {difference_us:.1f} µs"


def peak_lines(profile: Profile) -> list[str]:
    """Returns the measured peaks of the machine, and what int8 can save here."""
    peaks = profile.peaks
    ratio = peaks.int8_over_float32
    saves_time = ratio.p50 >= _INT8_SAVES_TIME_FROM
    lines = [
        f"float32  {peaks.float32_gmacs.text(1)} × 1e9 multiply-adds a second ({peaks.float32_what})",
        f"int8     {peaks.int8_gmacs.text(1)} × 1e9 multiply-adds a second ({peaks.int8_what})",
        f"int8 peak is {ratio.text()} times the float32 peak on this machine: "
        + ("int8 can save time here" if saves_time else "int8 saves bytes here, not time"),
        f"weights  {peaks.read_gbytes.text(1)} GB/s ({peaks.read_what}): as many bytes as the program has, read in "
        "every call; the bounds use this rate",
        f"memory   {peaks.memory_gbytes.text(1)} GB/s ({peaks.memory_what}): more than the caches hold; applies if "
        "other work empties the caches between calls",
    ]
    if profile.instructions is not None:
        lines.append(_instructions_line(profile.instructions))
    return lines


def _instructions_line(instructions: Sequence[str]) -> str:
    line = f"processor has {', '.join(instructions) or 'none of the known vector instructions'}"
    if set(instructions) & set(INT8_DOT_PRODUCTS):
        return line
    return f"{line}; no dot product of 8-bit integers ({', '.join(INT8_DOT_PRODUCTS)})"


def next_lines(profile: Profile) -> list[str]:
    """Returns the parts with most time above their bounds: what is worth optimizing next."""
    lines = []
    for rank, part in enumerate(furthest_from_bound(profile.parts, _PARTS_LISTED), 1):
        assert part.net_us and part.bound and part.above_bound_us
        share_of_program = part.above_bound_us / profile.totals.program_us.p50
        lines.append(
            f"{rank}. {part.name}: {part.above_bound_us:.1f} of {part.net_us.p50:.1f} µs are above its bound (set by "
            f"{part.bound.by}), {share_of_program:.0%} of the program"
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
    print_section("Peak rates of this machine, measured in the same runtime", peak_lines(profile))
    print_section("Furthest above their bounds", next_lines(profile))
    print_heading(output, "\nLayers")
    layers = [layer for part in profile.parts for layer in part.layers]
    output.print(plain_table(layer_cells(layers), left=("layer", "type")))
    if profile.events:
        longest = sorted(profile.events, key=lambda event: event.p50_us, reverse=True)[:_EVENTS]
        shown = f"the {len(longest)} longest of {len(profile.events)} events; profile.json has all"
        print_heading(output, f"\nWhat the runtime recorded of the whole program: {shown}")
        rows = [{"event": event.name, "p50 (µs)": f"{event.p50_us:.1f}"} for event in longest]
        output.print(plain_table(rows, left=("event",)))
    else:
        print_section("Events", [profile.null_reasons["events"]])
    output.print()
    print_lines(output, [f"record   {folder / PROFILE_NAME}", f"picture  {folder / PROFILE_PLOT_NAME}"])
