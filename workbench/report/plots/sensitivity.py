"""Bytes saved against cents lost: a point for each change, a cross for each that was checked in a program.

Numbers mark the changes that save the most bytes for their cents, and those that were checked; a list has their names.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.records.search.sensitivity import Effect, Sensitivity
from workbench.report.plots.figure import encode_png

_COLORS = ("#00798c", "#d1495b", "#edae49", "#66a182", "#2e4057", "#8d6a9f", "#b07d62", "#7a7a7a", "#3d8b37", "#c05299")
_SMALLEST_CENTS = 1e-3  # smaller deviations are drawn here: the axis is logarithmic
_NEAR = 0.025  # two points that are nearer than this share of an axis have one number

Place = tuple[float, float]


def sensitivity_png(record: Sensitivity) -> bytes:
    """Draws every change that saves bytes. A change without a deviation is left out."""
    drawn = [effect for effect in record.effects if effect.saved_bytes > 0 and effect.pitch_p95_cents is not None]
    figure = Figure(figsize=(15, 7.5), layout="constrained")
    axes = figure.subplots()
    groups = dict.fromkeys(_group(effect) for effect in drawn)
    for group, color in zip(groups, _COLORS * len(groups), strict=False):
        points = [effect for effect in drawn if _group(effect) == group]
        shape = "s" if points[0].kind == "key" else "o"
        places = np.array([_place(point) for point in points])
        axes.plot(*places.T, shape, color=color, ms=5, alpha=0.75, label=group)
    checked = [effect for effect in drawn if effect.lowered and effect.lowered.pitch_p95_cents is not None]
    for effect in checked:
        assert effect.lowered is not None
        x, y = _place(effect)
        in_program = max(effect.lowered.pitch_p95_cents or 0.0, _SMALLEST_CENTS)
        axes.plot([x, x], [y, in_program], color="black", lw=0.8)
        label = "in a program" if effect is checked[0] else ""
        axes.plot(x, in_program, "x", color="black", ms=7, label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("bytes of weights saved")
    axes.set_ylabel("deviation of the pitch, p95 (cents)")
    axes.grid(alpha=0.25)
    if drawn:
        named = {id(effect): effect for effect in (*front(drawn), *checked)}
        names = _number(axes, list(named.values()))
        beside = {"loc": "upper left", "bbox_to_anchor": (1, 1), "alignment": "left", "frameon": False}
        axes.legend(**beside, fontsize=8, title="\n".join(names), title_fontsize=8)
    title = f"{record.recipe.name}: each change by itself, on {len(record.clips)} calibration clips"
    axes.set_title(title, fontsize=11, loc="left", parse_math=False)
    return encode_png(figure)


def front(effects: Iterable[Effect]) -> list[Effect]:
    """Returns the changes of layers that no other one beats in both bytes and cents, the largest saving first."""
    layers = [effect for effect in effects if effect.kind == "layer"]
    unbeaten: list[Effect] = []
    for effect in sorted(layers, key=lambda effect: (-effect.saved_bytes, _place(effect)[1])):
        if not unbeaten or _place(effect)[1] < _place(unbeaten[-1])[1]:
            unbeaten.append(effect)
    return unbeaten


def _number(axes: Axes, effects: Sequence[Effect]) -> list[str]:
    """Writes a number beside each point, one for all that lie together, and returns what the numbers mean."""
    places: list[tuple[Place, list[Effect]]] = []  # in shares of the axes
    for effect in sorted(effects, key=lambda effect: _place(effect)[1], reverse=True):
        x, y = axes.transLimits.transform(axes.transScale.transform(_place(effect)))
        near = [known for (left, low), known in places if max(abs(x - left), abs(y - low)) < _NEAR]
        if near:
            near[0].append(effect)
        else:
            places.append(((float(x), float(y)), [effect]))
    lines = []
    for number, (place, found) in enumerate(places, 1):
        axes.annotate(
            str(number), place, (5, 4), xycoords="axes fraction", textcoords="offset points", fontsize=8, weight="bold"
        )
        lines += [f"{number}  {effect.target}: {effect.choice}" for effect in found]
    return lines


def _group(effect: Effect) -> str:
    return effect.choice if effect.kind == "layer" else effect.target


def _place(effect: Effect) -> Place:
    return effect.saved_bytes, max(effect.pitch_p95_cents or 0.0, _SMALLEST_CENTS)
