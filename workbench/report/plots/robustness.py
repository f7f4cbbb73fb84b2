"""Robustness: a row for each condition, with a dot for upstream and for each program, and their intervals."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.measure.truth.bootstrap import Interval
from workbench.measure.truth.pitch_accuracy import PitchAccuracy
from workbench.records.robustness import Robustness
from workbench.report.plots.figure import BASELINE_COLOR, VARIANT_COLOR, encode_png

_PROGRAM_COLORS = (VARIANT_COLOR, "#edae49", "#66a182", "#2e4057", "#8d6a9f", "#b07d62")
_ROW_SHARE = 0.7  # of the height of a condition that its sides share


def robustness_png(records: Sequence[Robustness]) -> bytes:
    """Draws the RPA50 of upstream and of each program. All records have the same conditions, and so the same upstream.

    A ring marks a program that is more than 1 point below upstream.
    """
    rows, sides = records[0].conditions, len(records) + 1
    figure = Figure(figsize=(10, 1.4 + len(rows) * (0.2 + 0.13 * sides)), layout="constrained")
    axes = figure.subplots()
    for number, row in enumerate(rows):
        _draw(axes, number, 0, sides, BASELINE_COLOR, row.baseline, row.baseline_interval)
        for place, record in enumerate(records, 1):
            color, found = _PROGRAM_COLORS[(place - 1) % len(_PROGRAM_COLORS)], record.conditions[number]
            _draw(axes, number, place, sides, color, found.variant, found.variant_interval, found.below_baseline)
    names = ["upstream", *(record.recipe.name for record in records)]
    for name, color in zip(names, (BASELINE_COLOR, *_PROGRAM_COLORS * len(records)), strict=False):
        axes.plot([], [], "o", color=color, ms=5, label=name)
    axes.set_yticks(
        range(len(rows)), [f"{row.group}\n{row.voiced_frames:,} voiced frames" for row in rows], fontsize=8.5
    )
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel(
        "share of voiced frames within 50 cents (%), with 95 % intervals; a ring: more than 1 point below upstream",
        fontsize=9,
    )
    axes.grid(alpha=0.25, axis="x")
    figure.legend(loc="outside upper left", ncols=min(sides, 6), fontsize=8.5, frameon=False)
    return encode_png(figure)


def _draw(
    axes: Axes,
    row: int,
    place: int,
    sides: int,
    color: str,
    accuracy: PitchAccuracy | None,
    interval: Interval | None,
    below: bool = False,
) -> None:
    if accuracy is None or accuracy.rpa50 is None:
        return
    y = row + _ROW_SHARE * ((place + 0.5) / sides - 0.5)
    if interval is not None:
        axes.plot([100 * end for end in interval], [y, y], color=color, lw=2, alpha=0.45)
    axes.plot(100 * accuracy.rpa50, y, "o", color=color, ms=5)
    if below:
        axes.plot(100 * accuracy.rpa50, y, "o", color="black", ms=10, mfc="none")
