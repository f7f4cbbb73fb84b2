"""A sweep to look at: accuracy, delay and cost against the chunk; a row of panels for each rate, a line per mirror."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from workbench.records.sweep import Sweep, SweepPoint
from workbench.report.plots.contours import png

_COLORS = ("#00798c", "#d1495b", "#edae49", "#66a182", "#2e4057", "#8d6a9f")
_PANELS = {
    "rpa50": "raw pitch accuracy (50 cents)",
    "voicing_recall": "sung frames kept (recall)",
    "delay_ms": "delay of a step in pitch (ms)",
    "real_time_factor": "median call by the chunk's period",
}


def sweep_png(sweep: Sweep) -> bytes:
    """All points as a PNG; what has no number is left out, and a cross at the bottom where nothing was measured."""
    rates_hz = list(dict.fromkeys(point.setting.sample_rate_hz for point in sweep.points))
    mirrors = list(dict.fromkeys(point.setting.mirror for point in sweep.points))
    figure, grid = plt.subplots(
        len(rates_hz), len(_PANELS), figsize=(16, 0.9 + 3.4 * len(rates_hz)), squeeze=False, layout="constrained"
    )
    for row, rate_hz in zip(grid, rates_hz, strict=True):
        for axes, (name, label) in zip(row, _PANELS.items(), strict=True):
            drawn = False
            for at, mirror in enumerate(mirrors):
                here = (rate_hz, mirror)
                points = [p for p in sweep.points if (p.setting.sample_rate_hz, p.setting.mirror) == here]
                drawn |= _line(axes, sorted(points, key=_chunk), name, _COLORS[at % len(_COLORS)])
            _finish(axes, rate_hz, name, label, sorted({_chunk(p) for p in sweep.points}), drawn)
    figure.suptitle(sweep.title, x=0.01, ha="left", fontsize=11, parse_math=False)
    colors = [Line2D([], [], color=_COLORS[at % len(_COLORS)], lw=2) for at in range(len(mirrors))]
    kinds = [
        Line2D([], [], color="gray", lw=5, alpha=0.4),
        Line2D([], [], color="gray", lw=1.4, marker="o", ms=4),
        Line2D([], [], color="gray", lw=1, ls=":"),
        Line2D([], [], color="gray", lw=0, marker="x"),
    ]
    words = [
        "baseline (upstream, eager)",
        "variant (program)",
        "by geometry, with half a chunk",
        "refused, failed or not run",
    ]
    labels = [f"mirror {mirror:g}" for mirror in mirrors] + words
    figure.legend([*colors, *kinds], labels, loc="outside lower center", ncols=len(labels), fontsize=8, frameon=False)
    return png(figure)


def _line(axes: Axes, points: list[SweepPoint], name: str, color: str) -> bool:
    """Both sides of one mirror in one panel; whether there was anything to draw."""
    chunks = [_chunk(point) for point in points]
    axes.plot(chunks, _values(points, "baseline", name), "o-", color=color, lw=5, ms=7, alpha=0.35)
    axes.plot(chunks, _values(points, "variant", name), "o-", color=color, lw=1.4, ms=4)
    if name == "delay_ms":
        axes.plot(chunks, _or_nan([point.geometry_ms for point in points]), ":", color=color, lw=1)
    without = [_chunk(point) for point in points if point.status != "measured"]
    axes.plot(without, np.full(len(without), 0.03), "x", color="gray", transform=axes.get_xaxis_transform())
    return any(np.isfinite(_values(points, side, name)).any() for side in ("baseline", "variant"))


def _values(points: list[SweepPoint], side: str, name: str) -> np.ndarray:
    return _or_nan([getattr(getattr(point, side), name, None) for point in points])


def _or_nan(values: list[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values])


def _chunk(point: SweepPoint) -> int:
    return point.setting.chunk_samples


def _finish(axes: Axes, rate_hz: int, name: str, label: str, chunks: list[int], drawn: bool) -> None:
    axes.set_xscale("log", base=2)
    axes.set_xticks(chunks, [f"{chunk}\n{1000 * chunk / rate_hz:.4g} ms" for chunk in chunks])
    axes.minorticks_off()
    axes.margins(x=0.12)
    axes.set_title(label, fontsize=10, loc="left")
    axes.grid(alpha=0.25)
    if name in ("rpa50", "voicing_recall"):
        axes.set_ylim(-0.03, 1.03)
    else:
        axes.set_ylim(bottom=0)
    if name == "rpa50":
        axes.set_ylabel(f"{rate_hz} Hz", fontsize=11)
    if not drawn:
        axes.text(0.5, 0.5, "no figure", transform=axes.transAxes, ha="center", color="gray")
