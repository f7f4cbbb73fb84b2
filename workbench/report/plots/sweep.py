"""Accuracy, delay, steadiness and cost of a sweep by chunk: a row of panels for each rate, a line for each mirror."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from workbench.records.sweep import Sweep, SweepPoint
from workbench.report.plots.figure import encode_png

_COLORS = ("#00798c", "#d1495b", "#edae49", "#66a182", "#2e4057", "#8d6a9f")
_PANELS = {
    "rpa50": "raw pitch accuracy (50 cents)",
    "voicing_recall": "voicing recall (sung frames)",
    "delay_ms": "delay of a step in pitch (ms)",
    "tones_std_cents": "movement of a steady tone (std, cents)",
    "real_time_factor": "median call / chunk period",
}
_SHARES = ("rpa50", "voicing_recall")  # their axis is 0 to 1
_SIDES = ("baseline", "variant")


def sweep_png(sweep: Sweep) -> bytes:
    """Draws all points. A missing number is left out; a cross at the bottom marks a point that was not measured."""
    rates_hz = list(dict.fromkeys(point.setting.sample_rate_hz for point in sweep.points))
    colors = _color_by_mirror(sweep.points)
    chunks = sorted({_chunk_samples(point) for point in sweep.points})
    figure = Figure(figsize=(20, 0.9 + 3.4 * len(rates_hz)), layout="constrained")
    panels = figure.subplots(len(rates_hz), len(_PANELS), squeeze=False)
    for row, rate_hz in zip(panels, rates_hz, strict=True):
        points = [point for point in sweep.points if point.setting.sample_rate_hz == rate_hz]
        for axes, metric in zip(row, _PANELS, strict=True):
            for mirror, color in colors.items():
                line = [point for point in points if point.setting.mirror == mirror]
                _draw_line(axes, sorted(line, key=_chunk_samples), metric, color)
            _finish_panel(axes, points, metric, chunks)
        row[0].set_ylabel(f"{rate_hz} Hz", fontsize=11)
    figure.suptitle(sweep.title, x=0.01, ha="left", fontsize=11, parse_math=False)
    _draw_legend(figure, colors)
    return encode_png(figure)


def _color_by_mirror(points: tuple[SweepPoint, ...]) -> dict[float, str]:
    mirrors = dict.fromkeys(point.setting.mirror for point in points)
    return {mirror: _COLORS[index % len(_COLORS)] for index, mirror in enumerate(mirrors)}


def _draw_line(axes: Axes, points: list[SweepPoint], metric: str, color: str) -> None:
    """Draws both sides of one mirror, by chunk."""
    chunks = [_chunk_samples(point) for point in points]
    axes.plot(chunks, _values(points, "baseline", metric), "o-", color=color, lw=5, ms=7, alpha=0.35)
    axes.plot(chunks, _values(points, "variant", metric), "o-", color=color, lw=1.4, ms=4)
    if metric == "delay_ms":
        axes.plot(chunks, _or_nan([point.geometry_ms for point in points]), ":", color=color, lw=1)
    unmeasured = [_chunk_samples(point) for point in points if point.status != "measured"]
    axes.plot(unmeasured, np.full(len(unmeasured), 0.03), "x", color="gray", transform=axes.get_xaxis_transform())


def _finish_panel(axes: Axes, points: list[SweepPoint], metric: str, chunks: list[int]) -> None:
    """Sets scales, ticks and texts of a panel; `points` are those of its rate, `chunks` those of the sweep."""
    rate_hz = points[0].setting.sample_rate_hz
    axes.set_xscale("log", base=2)
    axes.set_xticks(chunks, [f"{chunk}\n{1000 * chunk / rate_hz:.4g} ms" for chunk in chunks])
    axes.minorticks_off()
    axes.margins(x=0.12)
    axes.set_title(_PANELS[metric], fontsize=10, loc="left")
    axes.grid(alpha=0.25)
    if metric in _SHARES:
        axes.set_ylim(-0.03, 1.03)
    else:
        axes.set_ylim(bottom=0)
    if not any(np.isfinite(_values(points, side, metric)).any() for side in _SIDES):
        axes.text(0.5, 0.5, "no figure", transform=axes.transAxes, ha="center", color="gray")


def _draw_legend(figure: Figure, colors: dict[float, str]) -> None:
    entries = {f"mirror {mirror:g}": Line2D([], [], color=color, lw=2) for mirror, color in colors.items()}
    entries |= {
        "baseline (upstream, eager)": Line2D([], [], color="gray", lw=5, alpha=0.4),
        "variant (program)": Line2D([], [], color="gray", lw=1.4, marker="o", ms=4),
        "by geometry, with half a chunk": Line2D([], [], color="gray", lw=1, ls=":"),
        "refused, failed or not run": Line2D([], [], color="gray", lw=0, marker="x"),
    }
    figure.legend(
        list(entries.values()),
        list(entries),
        loc="outside lower center",
        ncols=len(entries),
        fontsize=8,
        frameon=False,
    )


def _values(points: list[SweepPoint], side: str, metric: str) -> NDArray[np.float64]:
    """(points,) a metric of one side, NaN if it is missing."""
    return _or_nan([getattr(getattr(point, side), metric, None) for point in points])


def _or_nan(values: list[float | None]) -> NDArray[np.float64]:
    return np.array([np.nan if value is None else value for value in values])


def _chunk_samples(point: SweepPoint) -> int:
    return point.setting.chunk_samples
