"""The times of a bench: a row for each contender, a panel for each number of threads."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.measure.bench.figures import ContenderFigures
from workbench.records.bench import Bench, Run
from workbench.report.formatting import counted
from workbench.report.plots.figure import BASELINE_COLOR, VARIANT_COLOR, encode_png

_INCONCLUSIVE_COLOR = "#b8b8b8"
_NATIVE_COLOR = "#edae49"
_TICKS_MS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)


def bench_png(bench: Bench) -> bytes:
    """Draws every contender's calls on a logarithmic axis: half of them in the box, 98 of 100 between the whiskers."""
    rows = max(len(run.contenders) for run in bench.runs)
    figure = Figure(figsize=(11, 1.2 + len(bench.runs) * (0.9 + 0.55 * rows)), layout="constrained")
    panels = figure.subplots(len(bench.runs), 1, sharex=True, squeeze=False)[:, 0]
    for axes, run in zip(panels, bench.runs, strict=True):
        _draw_run(axes, run, bench.chunk_ms)
    natively = any(figures.native for run in bench.runs for figures in run.contenders)
    panels[-1].set_xlabel(
        "time of a call (ms): box 25th to 75th percentile, whiskers 1st to 99th, point the longest; the line is the "
        "chunk's period" + ("\nyellow: in the native host, without Python" if natively else ""),
        fontsize=9,
    )
    figure.suptitle(bench.title, x=0.01, ha="left", fontsize=10, parse_math=False)
    return encode_png(figure)


def _draw_run(axes: Axes, run: Run, period_ms: float) -> None:
    boxes = [box for row, figures in enumerate(run.contenders, 1) for box in _boxes(row, figures)]
    drawn = axes.bxp(
        [box.statistics for box in boxes],
        positions=[box.y for box in boxes],
        widths=[box.height for box in boxes],
        orientation="horizontal",
        showfliers=False,
        patch_artist=True,
        manage_ticks=False,
    )
    for patch, median, box in zip(drawn["boxes"], drawn["medians"], boxes, strict=True):
        patch.set_facecolor(box.color)
        median.set_color("black")
        axes.plot(box.longest_ms, box.y, ".", color=box.color, ms=6)
    for row, figures in enumerate(run.contenders, 1):
        axes.text(1.01, row, _label(figures), transform=axes.get_yaxis_transform(), va="center", fontsize=8.5)
    axes.set_yticks(range(1, len(run.contenders) + 1), [figures.name for figures in run.contenders])
    axes.set_ylim(0.4, len(run.contenders) + 0.6)
    axes.axvline(period_ms, color="gray", lw=1, ls=":")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("")
    axes.set_xticks(_ticks_ms(run, period_ms))
    axes.invert_yaxis()
    axes.grid(alpha=0.25, axis="x")
    axes.set_title(counted(run.threads, "thread"), fontsize=10, loc="left")


@dataclass(frozen=True)
class _Box:
    """The box of one contender by one clock: where it is drawn, and the statistics that `Axes.bxp` draws."""

    y: float
    height: float
    color: str
    longest_ms: float
    statistics: dict[str, float]


def _boxes(row: int, figures: ContenderFigures) -> list[_Box]:
    """The box of the Python session, and below it that of the native host if it was timed there."""
    ms, longest_ms = figures.percentiles_ms, figures.latency.max_ms
    if figures.native is None:
        return [_Box(row, 0.55, _color(figures), longest_ms, _statistics(ms))]
    native_ms = [us / 1000 for us in figures.native_percentiles_us]
    return [
        _Box(row - 0.2, 0.32, _color(figures), longest_ms, _statistics(ms)),
        _Box(row + 0.2, 0.32, _NATIVE_COLOR, native_ms[-1], _statistics(native_ms)),
    ]


def _statistics(ms: Sequence[float]) -> dict[str, float]:
    return {"whislo": ms[1], "q1": ms[25], "med": ms[50], "q3": ms[75], "whishi": ms[99]}


def _color(figures: ContenderFigures) -> str:
    if figures.claim == "baseline":
        return BASELINE_COLOR
    return VARIANT_COLOR if figures.claim in ("faster", "slower") else _INCONCLUSIVE_COLOR


def _label(figures: ContenderFigures) -> str:
    """The text at the right of a row."""
    if "eager" not in figures.ratios:
        return f"{figures.latency.p50_ms:.2f} ms"
    label = f"{figures.latency.p50_ms:.2f} ms, {figures.ratios['eager'].p50:.2f} × eager's speed"
    if figures.claim not in ("faster", "slower"):
        label += f" ({figures.claim})"
    if figures.native:
        label += f"\nnative {figures.native.p50_us:.0f} µs, {figures.native.speedup_p50:.2f} ×"
    return label


def _ticks_ms(run: Run, period_ms: float) -> list[float]:
    """The ticks that lie within a factor of 2 of what is drawn."""
    shortest_ms = min(box.statistics["whislo"] for figures in run.contenders for box in _boxes(0, figures))
    longest_ms = max(period_ms, *(figures.latency.max_ms for figures in run.contenders))
    return [ms for ms in _TICKS_MS if shortest_ms / 2 <= ms <= 2 * longest_ms]
