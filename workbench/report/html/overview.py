"""What the page shows of all variants together: where they come from, and how far off they are."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from workbench.audit.choice.pareto import Point, pareto_front
from workbench.records.environment import Environment
from workbench.records.metrics import Verdict
from workbench.records.result import ClipUsed
from workbench.records.run_folders import StoredResult
from workbench.report.formatting import DASH, counted
from workbench.report.html.axis import LogAxis, Ticks
from workbench.report.html.contours import BINS_PER_DECADE, DECADES, LOWEST_CENTS
from workbench.report.html.variant import MomentView, VariantView

_RECIPES_NAMED = 5


@dataclass(frozen=True)
class DeviationBar:
    """The height of a bin in percent, and its count in words."""

    height: float
    text: str


@dataclass(frozen=True)
class DeviationRow:
    """The bins, positions of p95 and max in percent, or why there are no bins."""

    name: str
    verdict: Verdict
    fair: bool
    bars: list[DeviationBar]
    marks: dict[str, float]
    text: str
    reason: str


@dataclass(frozen=True)
class DeviationChart:
    rows: list[DeviationRow]
    ticks: Ticks
    bin_width: float


def front_indices(variants: Sequence[VariantView]) -> list[int]:
    """Returns the indices of the passing variants on the Pareto front of bytes and deviation, sorted by bytes."""
    points = [
        Point(str(index), view.p95_cents, view.bytes)
        for index, view in enumerate(variants)
        if view.verdict == "pass" and view.bytes and view.p95_cents is not None
    ]
    front = pareto_front(points).points
    return [int(point.name) for point in sorted(front, key=lambda point: point.bytes)]


@dataclass(frozen=True)
class FirstContour:
    """The contour at the top of the page: indices of a variant and its clip, and its worst moment if there is one."""

    variant: int
    clip: int
    name: str
    clip_name: str
    moment: MomentView | None


def first_contour(variants: Sequence[VariantView]) -> FirstContour | None:
    """Returns the clip with the worst moment of the smallest passing variant; None if no variant has frames.

    If no passing variant has frames, the first one that has them is shown.
    """
    order = [*front_indices(variants), *range(len(variants))]
    index = next((each for each in order if variants[each].clips), None)
    if index is None:
        return None
    view = variants[index]
    moment = view.moments[0] if view.moments else None
    names = [clip.clip for clip in view.clips]
    clip = names.index(moment.clip) if moment else 0
    return FirstContour(index, clip, view.name, names[clip], moment)


def recipes_line(results: Sequence[StoredResult]) -> str:
    """Returns the names of the recipes that were run; of more than six, the first five and the number of the others."""
    names = list(dict.fromkeys(stored.result.recipe.name for stored in results))
    if len(names) <= _RECIPES_NAMED + 1:
        return ", ".join(names)
    return f"{', '.join(names[:_RECIPES_NAMED])} and {len(names) - _RECIPES_NAMED} more"


def provenance_line(results: Sequence[StoredResult]) -> str:
    """Returns date, machine, versions and audio in a line; machine and versions are of the first result."""
    environment = results[0].result.environment
    days = sorted({stored.result.created[:10] for stored in results})
    scored = [[clip.seconds for clip in stored.result.audio if clip.role == "score"] for stored in results]
    audio = sorted({f"{counted(len(seconds), 'clip')}, {sum(seconds):.0f} s" for seconds in scored})
    return " · ".join(
        [
            days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}",
            f"{environment.cpu}, {environment.cores} cores, {counted(environment.threads, 'thread')}",
            f"ExecuTorch {environment.executorch}, torch {environment.torch}, PESTO {environment.pesto}",
            f"{' or '.join(audio)} scored",
        ]
    )


def facts(results: Sequence[StoredResult]) -> list[tuple[str, list[str]]]:
    """Returns when, where and with what the results were measured: each fact with all its values."""

    def environments(text: Callable[[Environment], object]) -> list[str]:
        return _distinct(text(stored.result.environment) for stored in results)

    return [
        ("Run", _distinct(stored.run for stored in results)),
        ("Measured (UTC)", _distinct(stored.result.created[:16].replace("T", " ") for stored in results)),
        ("Machine", environments(lambda environment: f"{environment.cpu}, {environment.cores} cores")),
        ("Threads when timed", environments(lambda environment: environment.threads)),
        ("System", environments(lambda environment: f"{environment.platform}, Python {environment.python}")),
        ("torch", environments(lambda environment: environment.torch)),
        ("ExecuTorch", environments(lambda environment: environment.executorch)),
        ("torchao", environments(lambda environment: environment.torchao)),
        ("PESTO", environments(lambda environment: environment.pesto)),
        (
            "workbench",
            environments(lambda environment: f"{environment.workbench}, commit {environment.commit or 'not known'}"),
        ),
        ("Page written by workbench", [version("pesto-workbench")]),
    ]


def _distinct(values: Iterable[object]) -> list[str]:
    return sorted({str(value) for value in values})


def clips_used(results: Sequence[StoredResult]) -> list[ClipUsed]:
    """Returns every clip that any result used, once."""
    clips = [clip for stored in results for clip in stored.result.audio]
    return list({(clip.name, clip.role, clip.sha256): clip for clip in clips}.values())


def deviation_chart(variants: Sequence[VariantView]) -> DeviationChart:
    """Returns a row for each variant: how many voiced frames are how far off, on one logarithmic axis.

    Heights are proportional to the share of voiced frames, and equal in all rows: the fullest bin has 100 %.
    """
    axis = LogAxis(LOWEST_CENTS, LOWEST_CENTS * 10.0**DECADES)
    histograms = [view.histogram for view in variants if view.histogram]
    fullest = max((max(found.counts) / found.frames for found in histograms), default=0.0) or 1.0
    rows = [_deviation_row(view, axis, fullest) for view in variants]
    return DeviationChart(rows, axis.ticks(), bin_width=100 / (DECADES * BINS_PER_DECADE))


def _deviation_row(view: VariantView, axis: LogAxis, fullest: float) -> DeviationRow:
    found = view.histogram
    marks = {"p95": view.p95_cents, "max": view.max_cents}
    return DeviationRow(
        name=view.name,
        verdict=view.verdict,
        fair=view.fair,
        bars=[_deviation_bar(count, found.frames, fullest) for count in found.counts] if found else [],
        marks={label: axis.percent(cents) for label, cents in marks.items() if cents is not None},
        text=_deviation_label(view),
        reason="" if found else view.missing_frames or "No frame is voiced.",
    )


def _deviation_bar(count: int, frames: int, fullest: float) -> DeviationBar:
    return DeviationBar(100 * count / frames / fullest, f"{count:,} of {counted(frames, 'voiced frame')}")


def _deviation_label(view: VariantView) -> str:
    if view.p95_cents is None:
        return ""
    tail = f", {view.histogram.equal / view.histogram.frames:.0%} equal" if view.histogram else "; frames not kept"
    return f"p95 {figure(view.p95_cents, 3)}, max {figure(view.max_cents, 4)}{tail}"


def figure(value: float | None, digits: int) -> str:
    """Returns a number with so many digits, more if it is large; a dash if there is none."""
    if value is None:
        return DASH
    text = f"{value:,.0f}" if abs(value) >= min(10**digits, 1000) else f"{value:.{digits}g}"
    return text if "e" in text else text.replace("-", "−")
