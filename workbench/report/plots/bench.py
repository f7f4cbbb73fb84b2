"""How long calls take, contender by contender: a panel for each number of threads."""

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from workbench.measure.bench import ContenderFigures
from workbench.records.bench import Bench, Run
from workbench.report.plots.contours import png

_BASELINE, _VARIANT, _DOUBTFUL = "#d1495b", "#00798c", "#b8b8b8"


def bench_png(bench: Bench) -> bytes:
    """Every contender's calls on a logarithmic axis: half of them in the box, 98 of 100 between the whiskers."""
    rows = max(len(run.contenders) for run in bench.runs)
    figure, panels = plt.subplots(
        len(bench.runs),
        1,
        figsize=(11, 1.2 + len(bench.runs) * (0.9 + 0.55 * rows)),
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    for axes, run in zip(panels[:, 0], bench.runs, strict=True):
        _panel(axes, run, bench.chunk_ms)
    panels[-1, 0].set_xlabel(
        "time of a call (ms): box 25th to 75th percentile, whiskers 1st to 99th, point the longest; the line is the "
        "chunk's period",
        fontsize=9,
    )
    figure.suptitle(bench.title, x=0.01, ha="left", fontsize=10, parse_math=False)
    return png(figure)


def _panel(axes: Axes, run: Run, period_ms: float) -> None:
    boxes = [_box(figures) for figures in run.contenders]
    drawn = axes.bxp(boxes, orientation="horizontal", showfliers=False, patch_artist=True, widths=0.55)
    for box, median, figures in zip(drawn["boxes"], drawn["medians"], run.contenders, strict=True):
        box.set_facecolor(_color(figures))
        median.set_color("black")
    for at, figures in enumerate(run.contenders, 1):
        axes.plot(figures.latency.max_ms, at, ".", color=_color(figures), ms=6)
        axes.text(1.01, at, _words(figures), transform=axes.get_yaxis_transform(), va="center", fontsize=8.5)
    axes.axvline(period_ms, color="gray", lw=1, ls=":")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("")
    axes.set_xticks([ms for ms in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100) if _within(ms, run, period_ms)])
    axes.invert_yaxis()
    axes.grid(alpha=0.25, axis="x")
    axes.set_title(f"{run.threads} thread{'s' * (run.threads > 1)}", fontsize=10, loc="left")


def _box(figures: ContenderFigures) -> dict[str, object]:
    """What `Axes.bxp` draws."""
    at = figures.percentiles_ms
    return {"label": figures.name, "whislo": at[1], "q1": at[25], "med": at[50], "q3": at[75], "whishi": at[99]}


def _color(figures: ContenderFigures) -> str:
    if figures.claim == "baseline":
        return _BASELINE
    return _VARIANT if figures.claim in ("faster", "slower") else _DOUBTFUL


def _words(figures: ContenderFigures) -> str:
    """What stands beside a box."""
    if "eager" not in figures.ratios:
        return f"{figures.latency.p50_ms:.2f} ms"
    times = f"{figures.latency.p50_ms:.2f} ms, {figures.ratios['eager'].p50:.2f} × eager's speed"
    return times if figures.claim in ("faster", "slower") else f"{times} ({figures.claim})"


def _within(ms: float, run: Run, period_ms: float) -> bool:
    """Whether a tick lies within what is drawn."""
    shortest = min(figures.percentiles_ms[1] for figures in run.contenders)
    longest = max(period_ms, *(figures.latency.max_ms for figures in run.contenders))
    return shortest / 2 <= ms <= 2 * longest
