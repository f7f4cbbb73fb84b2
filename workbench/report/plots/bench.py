"""The times of a bench: a row for each contender, a panel for each number of threads."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.measure.bench import ContenderFigures
from workbench.records.bench import Bench, Run
from workbench.report.formatting import counted
from workbench.report.plots.figure import BASELINE_COLOR, VARIANT_COLOR, encode_png

_INCONCLUSIVE_COLOR = "#b8b8b8"
_TICKS_MS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)


def bench_png(bench: Bench) -> bytes:
    """Draws every contender's calls on a logarithmic axis: half of them in the box, 98 of 100 between the whiskers."""
    rows = max(len(run.contenders) for run in bench.runs)
    figure = Figure(figsize=(11, 1.2 + len(bench.runs) * (0.9 + 0.55 * rows)), layout="constrained")
    panels = figure.subplots(len(bench.runs), 1, sharex=True, squeeze=False)[:, 0]
    for axes, run in zip(panels, bench.runs, strict=True):
        _draw_run(axes, run, bench.chunk_ms)
    panels[-1].set_xlabel(
        "time of a call (ms): box 25th to 75th percentile, whiskers 1st to 99th, point the longest; the line is the "
        "chunk's period",
        fontsize=9,
    )
    figure.suptitle(bench.title, x=0.01, ha="left", fontsize=10, parse_math=False)
    return encode_png(figure)


def _draw_run(axes: Axes, run: Run, period_ms: float) -> None:
    boxes = [_box(figures) for figures in run.contenders]
    drawn = axes.bxp(boxes, orientation="horizontal", showfliers=False, patch_artist=True, widths=0.55)
    for box, median, figures in zip(drawn["boxes"], drawn["medians"], run.contenders, strict=True):
        box.set_facecolor(_color(figures))
        median.set_color("black")
    for row, figures in enumerate(run.contenders, 1):
        axes.plot(figures.latency.max_ms, row, ".", color=_color(figures), ms=6)
        axes.text(1.01, row, _label(figures), transform=axes.get_yaxis_transform(), va="center", fontsize=8.5)
    axes.axvline(period_ms, color="gray", lw=1, ls=":")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("")
    axes.set_xticks(_ticks_ms(run, period_ms))
    axes.invert_yaxis()
    axes.grid(alpha=0.25, axis="x")
    axes.set_title(counted(run.threads, "thread"), fontsize=10, loc="left")


def _box(figures: ContenderFigures) -> dict[str, object]:
    """The statistics that `Axes.bxp` draws."""
    ms = figures.percentiles_ms
    return {"label": figures.name, "whislo": ms[1], "q1": ms[25], "med": ms[50], "q3": ms[75], "whishi": ms[99]}


def _color(figures: ContenderFigures) -> str:
    if figures.claim == "baseline":
        return BASELINE_COLOR
    return VARIANT_COLOR if figures.claim in ("faster", "slower") else _INCONCLUSIVE_COLOR


def _label(figures: ContenderFigures) -> str:
    """The text at the right of a row."""
    if "eager" not in figures.ratios:
        return f"{figures.latency.p50_ms:.2f} ms"
    label = f"{figures.latency.p50_ms:.2f} ms, {figures.ratios['eager'].p50:.2f} × eager's speed"
    return label if figures.claim in ("faster", "slower") else f"{label} ({figures.claim})"


def _ticks_ms(run: Run, period_ms: float) -> list[float]:
    """The ticks that lie within a factor of 2 of what is drawn."""
    shortest_ms = min(figures.percentiles_ms[1] for figures in run.contenders)
    longest_ms = max(period_ms, *(figures.latency.max_ms for figures in run.contenders))
    return [ms for ms in _TICKS_MS if shortest_ms / 2 <= ms <= 2 * longest_ms]
