"""The accuracy against the known f0 by octave, clip and singer: a dot for each side with its interval."""

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.measure.truth.bootstrap import Interval
from workbench.measure.truth.groups import GroupAccuracy
from workbench.measure.truth.pitch_accuracy import PitchAccuracy
from workbench.records.noise import NOISE_NAME, NoiseLevel, read_noise
from workbench.records.run_folders import StoredResult
from workbench.report.html.axis import LinearAxis, Ticks

_LEAST_SPAN_PERCENT = 5.0  # of the axis: if all are near 100 %, one frame in a thousand is not drawn as a cliff


@dataclass(frozen=True)
class AccuracySide:
    """Positions of a share and its interval, in percent of the width; None without an interval."""

    side: str
    at: float
    low_at: float | None
    high_at: float | None


@dataclass(frozen=True)
class AccuracyRow:
    """A group of frames. `text` has the figures of the variant, `change` the difference from the baseline."""

    by: str
    name: str
    frames: str
    sides: list[AccuracySide]
    text: str
    change: str


@dataclass(frozen=True)
class AccuracyChart:
    """The groups of one kind of truth; `resampled` says what the intervals are over."""

    kind: str
    rows: list[AccuracyRow]
    ticks: Ticks
    resampled: str


def accuracy_charts(stored: StoredResult) -> list[AccuracyChart]:
    """Returns a chart for each kind of truth that has groups with voiced frames; empty if there is none.

    Raises:
        WorkbenchError: A measurement with noise beside the result cannot be read.
    """
    truth = stored.result.truth
    kinds = (truth, *truth.other_kinds) if truth is not None else ()
    levels = _noise_levels(stored)
    charts = [_chart(kind.kind, (*kind.groups, *(each for each in levels if each.kind == kind.kind))) for kind in kinds]
    return [chart for chart in charts if chart.rows]


def _noise_levels(stored: StoredResult) -> tuple[NoiseLevel, ...]:
    """Returns the levels of the measurement with noise beside the result; none if it has none of this program."""
    program = stored.result.program
    if program is None or stored.folder is None or not stored.current:
        return ()
    noise = read_noise(stored.folder / NOISE_NAME)
    return noise.levels if noise is not None and noise.program.sha256 == program.sha256 else ()


def _chart(kind: str, groups: Sequence[GroupAccuracy]) -> AccuracyChart:
    drawn = [group for group in groups if _share(group.baseline) is not None and _share(group.variant) is not None]
    values = [
        value for group in drawn for side in (group.baseline, group.variant) if (value := _share(side)) is not None
    ]
    ends = [
        interval[0] for group in drawn for interval in (group.baseline_interval, group.variant_interval) if interval
    ]
    low = 100 * min([*values, *ends], default=0.0)
    axis = LinearAxis(max(0.0, min(low - 1, 100 - _LEAST_SPAN_PERCENT)), 100.0)
    return AccuracyChart(
        kind=kind,
        rows=[_row(group, axis) for group in drawn],
        ticks=axis.ticks(),
        resampled=" or ".join(sorted({group.resampled for group in drawn})),
    )


def _row(group: GroupAccuracy, axis: LinearAxis) -> AccuracyRow:
    sides = [
        _side(name, share, interval, axis)
        for name, accuracy, interval in (
            ("baseline", group.baseline, group.baseline_interval),
            ("variant", group.variant, group.variant_interval),
        )
        if (share := _share(accuracy)) is not None
    ]
    baseline, variant = _share(group.baseline), _share(group.variant)
    assert baseline is not None and variant is not None
    return AccuracyRow(
        by=group.by,
        name=group.group,
        frames=f"{group.voiced_frames:,} voiced frames",
        sides=sides,
        text=f"{100 * variant:.1f} %{_in_brackets(group.variant_interval)}",
        change=f"{_signed(100 * (variant - baseline))} points{_in_brackets(group.change_interval, signed=True)}",
    )


def _side(name: str, share: float, interval: Interval | None, axis: LinearAxis) -> AccuracySide:
    low, high = (None, None) if interval is None else (axis.percent(100 * end) for end in interval)
    return AccuracySide(name, axis.percent(100 * share), low, high)


def _share(accuracy: PitchAccuracy | None) -> float | None:
    return None if accuracy is None else accuracy.rpa50


def _in_brackets(interval: Interval | None, signed: bool = False) -> str:
    if interval is None:
        return ""
    low, high = (_signed(100 * end) if signed else f"{100 * end:.1f}" for end in interval)
    return f" ({low} to {high})"


def _signed(points: float) -> str:
    return f"{points + 0.0:+.1f}".replace("-", "−").replace("+0.0", "0.0").replace("−0.0", "0.0")
