"""Where the time goes: a bar for each part, with the time that it cannot go below."""

import matplotlib.pyplot as plt
from matplotlib.lines import Line2D

from workbench.measure.operators.figures import PartFigures
from workbench.records.profile import Profile
from workbench.report.plots.contours import png

_FLOAT, _INT8, _BOUND = "#00798c", "#edae49", "#d1495b"


def profile_png(profile: Profile) -> bytes:
    """Net time of each part with its spread over rounds, its bound as a mark, and its share of all parts."""
    rows = len(profile.parts)
    figure, axes = plt.subplots(figsize=(11, 1.6 + 0.42 * rows), layout="constrained")
    for at, part in enumerate(profile.parts):
        if part.net_us:
            net = part.net_us
            ends = [[net.p50 - net.low], [net.high - net.p50]]
            axes.barh(at, net.p50, color=_color(part), height=0.62)
            axes.errorbar(net.p50, at, xerr=ends, color="black", lw=0.8, capsize=2)
        if part.bound:
            axes.plot([part.bound.us] * 2, [at - 0.4, at + 0.4], color=_BOUND, lw=2.5)
        axes.text(1.01, at, _words(part), transform=axes.get_yaxis_transform(), va="center", fontsize=8.5)
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
        Line2D([], [], color=_FLOAT, lw=7, label="float32"),
        Line2D([], [], color=_INT8, lw=7, label="int8"),
        Line2D([], [], color=_BOUND, lw=2.5, label="bound from the machine's measured peak"),
    ]
    axes.legend(handles=legend, loc="lower right", fontsize=8, frameon=False)
    figure.suptitle(profile.title, x=0.01, ha="left", fontsize=10, parse_math=False)
    return png(figure)


def _color(part: PartFigures) -> str:
    """By the type of most of its multiply-adds."""
    int8 = sum(layer.macs for layer in part.layers if layer.dtype == "int8")
    return _INT8 if 2 * int8 > part.macs else _FLOAT


def _words(part: PartFigures) -> str:
    """What stands beside a bar."""
    if part.share is None:
        return "not told apart from an empty call"
    held = f", efficiency {part.efficiency:.0%}" if part.efficiency is not None else ""
    return f"{part.share:.1%}{held}"
