"""The output of `robustness`: a row for each condition, and where the program is below upstream."""

from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from workbench.measure.truth.pitch_accuracy import PitchAccuracy
from workbench.records.robustness import ROBUSTNESS_NAME, ROBUSTNESS_PLOT_NAME, ConditionAccuracy, Robustness
from workbench.report.formatting import DASH, format_number, percent_text, points_text
from workbench.report.tables.terminal import Cell, console, plain_table, print_lines

FIGURES = {
    "RPA50": "rpa50",
    "RCA50": "rca50",
    "recall": "voicing_recall",
    "false alarms": "voicing_false_alarm",
    "overall": "overall",
}
"""The field of each figure of a side, by its name in tables."""


def print_robustness(robustness: Robustness, folder: Path) -> None:
    """Prints a row for each condition, what is below upstream, what the intervals are, and what was written."""
    output = console()
    output.print(plain_table([_row(each) for each in robustness.conditions], left=("condition", "truth")))
    output.print()
    resampled = " and ".join(sorted({each.resampled for each in robustness.conditions}))
    lines = [
        below_text(robustness.conditions),
        f"each figure: upstream / {robustness.recipe.name}, in percent; the change is in points",
        f"in brackets: 95 % interval over {resampled}",
        f"recall, false alarms, overall: at a confidence of {robustness.threshold:g}",
        f"took {robustness.took_s:.0f} s",
    ]
    print_lines(output, lines, 0)
    print_lines(output, [f"record   {folder / ROBUSTNESS_NAME}", f"picture  {folder / ROBUSTNESS_PLOT_NAME}"])


def below_text(conditions: Sequence[ConditionAccuracy]) -> str:
    """Returns where the RPA50 of the program is more than 1 point below upstream's, as a sentence."""
    below = [each.group for each in conditions if each.below_baseline]
    return f"More than 1 point of RPA50 below upstream: {'; '.join(below) or 'nowhere'}."


def change_text(condition: ConditionAccuracy) -> str:
    """Returns the change of RPA50 in points, with its interval; a dash if there is none."""
    change = condition.rpa50_change
    return DASH if change is None else points_text(change, condition.change_interval)


def share_text(accuracy: PitchAccuracy | None, field: str) -> str:
    """Returns a figure of a side in percent; a dash if there is none."""
    share = None if accuracy is None else getattr(accuracy, field)
    return DASH if share is None else percent_text(share)


def _row(condition: ConditionAccuracy) -> dict[str, Cell]:
    sides = (condition.baseline, condition.variant)
    figures = {name: " / ".join(share_text(side, field) for side in sides) for name, field in FIGURES.items()}
    return {
        "condition": condition.group,
        "truth": condition.kind,
        "voiced frames": format_number(condition.voiced_frames, ",d"),
        "RPA50": figures.pop("RPA50"),
        "change": Text(change_text(condition), "red" if condition.below_baseline else ""),
        **figures,
    }
