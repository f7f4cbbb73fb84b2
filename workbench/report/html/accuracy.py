"""The accuracy against the known f0 by octave, clip, singer and condition: a dot for each side with its interval."""

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.audio.annotations import TRUTH_KINDS, TruthKind
from workbench.measure.truth.bootstrap import Interval
from workbench.measure.truth.groups import GroupAccuracy
from workbench.measure.truth.pitch_accuracy import PitchAccuracy
from workbench.records.robustness import ROBUSTNESS_NAME, ConditionAccuracy, read_robustness
from workbench.records.run_folders import StoredResult
from workbench.report.formatting import percent_text, points_text
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
    """A group of frames. `text` has the figures of the variant, `change` the difference from the baseline.

    `below` says if the variant is more than 1 point below the baseline in a condition.
    """

    by: str
    name: str
    frames: str
    sides: list[AccuracySide]
    text: str
    change: str
    below: bool


@dataclass(frozen=True)
class AccuracyChart:
    """The groups of one kind of truth. `note` says what they are, `resampled` what the intervals are over."""

    title: str
    note: str
    rows: list[AccuracyRow]
    ticks: Ticks
    resampled: str


def accuracy_charts(stored: StoredResult) -> list[AccuracyChart]:
    """Returns a chart for each kind of truth that has groups with voiced frames, then one of its conditions.

    Raises:
        WorkbenchError: A measurement of robustness beside the result cannot be read.
    """
    truth = stored.result.truth
    kinds = (truth, *truth.other_kinds) if truth is not None else ()
    groups: dict[TruthKind, Sequence[GroupAccuracy]] = {kind.kind: kind.groups for kind in kinds}
    conditions = _conditions(stored)
    charts = []
    for kind in TRUTH_KINDS:
        of_kind = [each for each in conditions if each.kind == kind]
        charts += [
            _chart(
                f"Accuracy against the known f0: {kind}",
                "of all clips, by octave, by clip, and by singer if known",
                groups.get(kind, ()),
            ),
            _chart(f"Robustness: {kind}", "in the conditions of workbench robustness", of_kind),
        ]
    return [chart for chart in charts if chart.rows]


def _conditions(stored: StoredResult) -> tuple[ConditionAccuracy, ...]:
    """Returns the conditions of the measurement beside the result; none if it has none of this program."""
    program = stored.result.program
    if program is None or stored.folder is None or not stored.current:
        return ()
    found = read_robustness(stored.folder / ROBUSTNESS_NAME)
    return found.conditions if found is not None and found.program.sha256 == program.sha256 else ()


def _chart(title: str, note: str, groups: Sequence[GroupAccuracy]) -> AccuracyChart:
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
        title=title,
        note=note,
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
        text=percent_text(variant, group.variant_interval, " %"),
        change=points_text(variant - baseline, group.change_interval, " points"),
        below=isinstance(group, ConditionAccuracy) and group.below_baseline,
    )


def _side(name: str, share: float, interval: Interval | None, axis: LinearAxis) -> AccuracySide:
    low, high = (None, None) if interval is None else (axis.percent(100 * end) for end in interval)
    return AccuracySide(name, axis.percent(100 * share), low, high)


def _share(accuracy: PitchAccuracy | None) -> float | None:
    return None if accuracy is None else accuracy.rpa50
