"""The output of `profile`: where the time of a call goes, layers, kinds of operators, and what is worth optimizing."""

from collections.abc import Sequence
from pathlib import Path

from workbench.measure.operators.figures import KindFigures, LayerFigures, furthest_from_bound
from workbench.records.profile import PROFILE_NAME, PROFILE_PLOT_NAME, Profile
from workbench.report.formatting import DASH, format_number
from workbench.report.tables.terminal import console, plain_table, print_heading, print_lines
from workbench.runtime.process_info import INT8_DOT_PRODUCTS

_LAYERS_LISTED = 3  # of those furthest above their bounds
_INT8_SAVES_TIME_FROM = 1.3  # times the float32 peak


def sum_lines(profile: Profile) -> list[str]:
    """Returns where the time of a call goes, and the sum compared with a call that records nothing, in words."""
    totals = profile.totals
    each = format_number(totals.preparation_per_operator_us, ".2f")
    recording_us = totals.recorded_us.p50 - totals.program_us.p50
    return [
        f"operators   {totals.delegated_us.text(1)} µs in {totals.operators} operators of the delegates",
        f"preparing   {totals.preparation_us.text(1)} µs before they start: delegates prepare every operator in every "
        f"call, {each} µs each",
        f"kernels     {totals.kernels_us.text(1)} µs in {totals.kernels} kernels outside the delegates",
        f"call        {totals.call_us.text(1)} µs in the runtime and the host",
        f"sum         {totals.sum_us.text(1)} µs; a call takes {totals.program_us.text(1)} µs: the difference is "
        f"{percent(totals.difference.p50)}",
        f"recording   {recording_us:.1f} µs more for a call whose operators are recorded; it is in none of the above",
    ]


def percent(ratio: float) -> str:
    """Returns a difference with its sign, for example `+1.2%`."""
    return f"{ratio:+.1%}"


def layer_cells(layer: LayerFigures) -> dict[str, str]:
    """Returns the figures of a layer as text by column; a dash stands for a missing number."""
    bound = layer.bound
    return {
        "layer": layer.name,
        "share": f"{layer.share:.1%}",
        "operators": str(layer.operators),
        "µs": layer.us.text(1),
        "preparing": f"{layer.preparation_us:.1f}",
        "bound": format_number(bound.us if bound else None, ".1f"),
        "set by": bound.by if bound else DASH,
        "efficiency": format_number(layer.efficiency, ".0%"),
        "above bound": format_number(layer.above_bound_us, ".1f"),
        "multiply-adds": f"{layer.macs:,}",
        "bytes": f"{layer.weight_bytes:,}",
    }


def kind_cells(kind: KindFigures) -> dict[str, str]:
    """Returns the figures of a kind of operators as text by column."""
    return {
        "operator": kind.name,
        "share": f"{kind.share:.1%}",
        "count": str(kind.operators),
        "µs": kind.us.text(1),
        "each": f"{kind.us.p50 / kind.operators:.2f}",
    }


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
    """Returns the layers with most time above their bounds: what is worth optimizing next."""
    lines = []
    for rank, layer in enumerate(furthest_from_bound(profile.layers or (), _LAYERS_LISTED), 1):
        assert layer.bound and layer.above_bound_us
        share_of_program = layer.above_bound_us / profile.totals.program_us.p50
        lines.append(
            f"{rank}. {layer.name}: {layer.above_bound_us:.1f} of {layer.total_us:.1f} µs are above its bound (set by "
            f"{layer.bound.by}), {share_of_program:.0%} of the program"
        )
    return lines


def print_profile(profile: Profile, folder: Path) -> None:
    """Prints where the time goes and what it is compared with, and the paths of what was written."""
    output = console()

    def print_section(heading: str, lines: Sequence[str]) -> None:
        print_heading(output, f"\n{heading}")
        print_lines(output, lines)

    print_heading(output, profile.title)
    print_section("Where the time of a call goes, in the native host", sum_lines(profile))
    if profile.layers is None:
        print_section("Layers", [profile.null_reasons["layers"]])
    else:
        print_heading(output, "\nLayers")
        output.print(plain_table([layer_cells(layer) for layer in profile.layers], left=("layer", "set by")))
    print_heading(output, "\nKinds of operators")
    output.print(plain_table([kind_cells(kind) for kind in profile.kinds], left=("operator",)))
    print_section("Peak rates of this machine, measured with the same kernels", peak_lines(profile))
    if profile.layers is not None:
        print_section("Furthest above their bounds", next_lines(profile))
    output.print()
    print_lines(output, [f"record   {folder / PROFILE_NAME}", f"picture  {folder / PROFILE_PLOT_NAME}"])
