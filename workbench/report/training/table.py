"""The output of `train`: a row for some of the epochs, and the student's size."""

from pathlib import Path

from workbench.model.student.card import HeldOutScores
from workbench.records.training import TRAINING_NAME, TRAINING_PLOT_NAME, Training
from workbench.report.formatting import DASH
from workbench.report.tables.terminal import console, plain_table, print_lines

_MOST_ROWS = 10


def print_training(training: Training, folder: Path) -> None:
    """Prints up to ten epochs, the last one among them, the size of the student, and the paths of the files."""
    output, count = console(), len(training.epochs)
    shown = sorted({count - 1 - round(row * (count - 1) / _MOST_ROWS) for row in range(_MOST_ROWS)})
    output.print(
        plain_table(
            [
                {
                    "epoch": f"{index + 1}{' in int8' if training.epochs[index].int8 else ''}",
                    "loss": f"{training.epochs[index].loss:.4f}",
                    "synthetic p95 (cents)": _cents(training.epochs[index].synthetic),
                    "over 50": _rate(training.epochs[index].synthetic),
                    "recordings p95 (cents)": _cents(training.epochs[index].recordings),
                    "over 50 cents": _rate(training.epochs[index].recordings),
                    "seconds": f"{training.epochs[index].seconds:.1f}",
                }
                for index in shown
            ]
        )
    )
    output.print()
    size = f"{training.weights} weights, {training.multiply_adds / 1e6:.2f} million multiply-adds a frame"
    print_lines(output, [f"{training.recipe.name}: {size}; trained on {training.frames} frames"], 0)
    print_lines(
        output,
        [
            f"student  {folder / training.file}  ({training.bytes} bytes, sha256 {training.sha256[:12]}…)",
            f"record   {folder / TRAINING_NAME}",
            f"picture  {folder / TRAINING_PLOT_NAME}",
        ],
    )


def _cents(scores: HeldOutScores | None) -> str:
    return DASH if scores is None else f"{scores.p95_cents:.1f}"


def _rate(scores: HeldOutScores | None) -> str:
    return DASH if scores is None else f"{scores.over_50_cents_rate:.2%}"
