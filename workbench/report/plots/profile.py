"""The time of each part of a program, with the bound that the machine sets."""

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from workbench.measure.operators.figures import PartFigures
from workbench.records.profile import Profile
from workbench.report.plots.figure import encode_png

_FLOAT_COLOR, _INT8_COLOR, _BOUND_COLOR = "#00798c", "#edae49", "#d1495b"


def profile_png(profile: Profile) -> bytes:
    """Draws the net time of each part with its spread over rounds, a mark for its bound, and its share of all parts."""
    rows = len(profile.parts)
    figure = Figure(figsize=(11, 1.6 + 0.42 * rows), layout="constrained")
    axes = figure.subplots()
    for row, part in enumerate(profile.parts):
        if part.net_us:
            net = part.net_us
            axes.barh(row, net.p50, color=_color(part), height=0.62)
            axes.errorbar(
                net.p50, row, xerr=[[net.p50 - net.low], [net.high - net.p50]], color="black", lw=0.8, capsize=2
            )
        if part.bound:
            axes.plot([part.bound.us] * 2, [row - 0.4, row + 0.4], color=_BOUND_COLOR, lw=2.5)
        axes.text(1.01, row, _label(part), transform=axes.get_yaxis_transform(), va="center", fontsize=8.5)
    axes.set_yticks(range(rows), [part.name for part in profile.parts])
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.grid(alpha=0.25, axis="x")
    axes.set_axisbelow(True)
    totals = profile.totals
    axes.set_xlabel(
        f"net time of a call (µs), 10th to 90th percentile over {profile.rounds} rounds; the program takes "
        f"{totals.program_us.p50:.0f}, its parts net and one call {totals.explained.p50:.0%} of it",
        fontsize=9,
    )
    legend = [
        Line2D([], [], color=_FLOAT_COLOR, lw=7, label="float32"),
        Line2D([], [], color=_INT8_COLOR, lw=7, label="int8"),
        Line2D([], [], color=_BOUND_COLOR, lw=2.5, label="bound from the machine's measured peak"),
    ]
    axes.legend(handles=legend, loc="lower right", fontsize=8, frameon=False)
    figure.suptitle(profile.title, x=0.01, ha="left", fontsize=10, parse_math=False)
    return encode_png(figure)


def _color(part: PartFigures) -> str:
    """By the type of most of its multiply-adds."""
    int8_macs = sum(layer.macs for layer in part.layers if layer.dtype == "int8")
    return _INT8_COLOR if 2 * int8_macs > part.macs else _FLOAT_COLOR


def _label(part: PartFigures) -> str:
    """The text at the right of a bar."""
    if part.share is None:
        return "no slower than an empty call"
    if part.efficiency is None:
        return f"{part.share:.1%}"
    return f"{part.share:.1%}, efficiency {part.efficiency:.0%}"
