"""The output of `noise`: a row for each signal-to-noise ratio."""

from pathlib import Path

from workbench.measure.truth.bootstrap import Interval
from workbench.measure.truth.pitch_accuracy import PitchAccuracy
from workbench.records.noise import NOISE_NAME, Noise
from workbench.report.formatting import format_number
from workbench.report.tables.terminal import console, plain_table, print_lines


def print_noise(noise: Noise, folder: Path) -> None:
    """Prints a row for each ratio, what the intervals are, and the path of the record."""
    output = console()
    rows = [
        {
            "SNR": level.group,
            "truth": level.kind,
            "voiced frames": f"{level.voiced_frames:,}",
            "baseline rpa50 (%)": _with_interval(level.baseline, level.baseline_interval),
            "variant rpa50 (%)": _with_interval(level.variant, level.variant_interval),
            "recall": _share(level.variant.voicing_recall if level.variant else None),
            "false alarms": _share(level.variant.voicing_false_alarm if level.variant else None),
        }
        for level in noise.levels
    ]
    output.print(plain_table(rows, left=("SNR", "truth")))
    resampled = " and ".join(sorted({level.resampled for level in noise.levels}))
    output.print()
    lines = [
        f"{noise.recipe.name}: {noise.took_s:.0f} s, clips: {len(noise.clips)}",
        f"in brackets: 95 % intervals over {resampled}",
        f"recall and false alarms: of the variant, at a confidence of {noise.threshold:g}",
    ]
    print_lines(output, lines, 0)
    print_lines(output, [f"record   {folder / NOISE_NAME}"])


def _with_interval(accuracy: PitchAccuracy | None, interval: Interval | None) -> str:
    text = format_number(None if accuracy is None or accuracy.rpa50 is None else 100 * accuracy.rpa50, ".1f")
    return text if interval is None else f"{text} ({100 * interval[0]:.1f} to {100 * interval[1]:.1f})"


def _share(share: float | None) -> str:
    return format_number(share, ".1%")
