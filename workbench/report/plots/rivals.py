"""Trackers as circles: the audio that a frame needs against accuracy; the area is the bytes of the weights."""

from math import log10

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.audio.annotations import TruthKind
from workbench.measure.rivals.figures import RivalFigures
from workbench.measure.rivals.pesto import PESTO
from workbench.records.rivals import Rivals
from workbench.report.plots.figure import BASELINE_COLOR, VARIANT_COLOR, encode_png

_LARGEST_AREA_PT2 = 4000.0
_NO_WEIGHTS_AREA_PT2 = 60.0
_SHORTEST_MS = 5.0  # the axis is logarithmic, and a causal frame may need no audio after it
_TICKS_MS = (5, 10, 20, 50, 100, 200, 500, 1000)


def rivals_png(rivals: Rivals) -> bytes:
    """Draws a panel for each kind of truth."""
    kinds = [clips.kind for clips in rivals.scored]
    figure = Figure(figsize=(10, 0.6 + 5.2 * len(kinds)), layout="constrained")
    panels = figure.subplots(len(kinds), 1, squeeze=False)[:, 0]
    for axes, kind in zip(panels, kinds, strict=True):
        _draw(axes, rivals.trackers, kind)
        axes.set_title(f"{kind} f0", fontsize=10, loc="left")
    panels[-1].set_xlabel(
        "audio that a frame needs after the moment that it describes (ms)\n"
        "area: bytes of the weights; cross: no weights. Red: PESTO, of which a program's bytes are weights and code",
        fontsize=9,
    )
    return encode_png(figure)


def _draw(axes: Axes, trackers: tuple[RivalFigures, ...], kind: TruthKind) -> None:
    largest = max((each.bytes or 0 for each in trackers), default=0) or 1
    drawn = [(each, *_position(each, kind)) for each in trackers]
    for each, future_ms, rpa50 in drawn:
        color = BASELINE_COLOR if each.name.startswith(PESTO) else VARIANT_COLOR
        area = _LARGEST_AREA_PT2 * each.bytes / largest if each.bytes else _NO_WEIGHTS_AREA_PT2
        marker = "o" if each.bytes else "x"
        axes.scatter(future_ms, rpa50, s=max(area, 6.0), c=color, marker=marker, alpha=0.55)
    _label(axes, [(each.name, future_ms, rpa50) for each, future_ms, rpa50 in drawn])
    axes.set_xscale("log")
    axes.set_xticks(_TICKS_MS, [f"{ms:g}" for ms in _TICKS_MS])
    axes.minorticks_off()
    axes.margins(x=0.18, y=0.18)
    axes.set_ylabel("share of voiced moments within 50 cents", fontsize=9)
    axes.grid(alpha=0.25)


def _position(figures: RivalFigures, kind: TruthKind) -> tuple[float, float]:
    future_ms = figures.lookahead.future_ms if figures.lookahead else None
    return max(future_ms or 0.0, _SHORTEST_MS), figures.score(kind).default.rpa50 or 0.0


def _label(axes: Axes, points: list[tuple[str, float, float]]) -> None:
    """Writes the names beside the points, those of equal points below each other."""
    rows: dict[tuple[int, int], int] = {}
    for name, x, y in points:
        place = (round(20 * log10(x)), round(100 * y))
        row = rows[place] = rows.get(place, -1) + 1
        axes.annotate(name, (x, y), (9, -3 - 11 * row), textcoords="offset points", fontsize=8.5)
