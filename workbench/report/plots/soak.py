"""Call time, memory and pitch deviation of a long stream, segment by segment."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.measure.soak import SoakSegment
from workbench.records.soak import Soak
from workbench.report.plots.figure import encode_png

_COLORS = {"p50": "#00798c", "p95": "#edae49", "p99": "#d1495b"}


def soak_png(soak: Soak) -> bytes:
    """Draws a point for each segment, at its end. A missing number is left out."""
    figure = Figure(figsize=(14, 3.6), layout="constrained")
    times, memory, pitch = figure.subplots(1, 3)
    segments = soak.stretches
    for name, color in _COLORS.items():
        values_us = [1000 * value for value in _or_nan(segments, f"variant_{name}_ms")]
        _draw(times, segments, values_us, color, name)
    times.legend(fontsize=8, frameon=False)
    _draw(memory, segments, [segment.resident_bytes / 1e6 for segment in segments], _COLORS["p50"])
    p95_cents = [np.nan if segment.pitch.p95_cents is None else segment.pitch.p95_cents for segment in segments]
    _draw(pitch, segments, p95_cents, _COLORS["p50"])
    process = "native host" if soak.native else "Python process"
    titles = {
        times: "time of a call (us)",
        memory: f"memory of the {process} (MB)",
        pitch: "pitch deviation, p95 (cents)",
    }
    for axes, title in titles.items():
        axes.set_title(title, fontsize=10, loc="left")
        axes.set_xlabel("audio since the start (s)", fontsize=9)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.25)
    figure.suptitle(f"{soak.recipe.name}: {soak.verdict}", x=0.01, ha="left", fontsize=11, parse_math=False)
    return encode_png(figure)


def _draw(axes: Axes, segments: tuple[SoakSegment, ...], values: list[float], color: str, label: str = "") -> None:
    axes.plot([segment.until_s for segment in segments], values, "o-", color=color, lw=1.4, ms=4, label=label)


def _or_nan(segments: tuple[SoakSegment, ...], name: str) -> list[float]:
    values = [getattr(segment, name) for segment in segments]
    return [np.nan if value is None else value for value in values]
