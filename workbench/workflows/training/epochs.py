"""The epochs of a training, each with its test and its stored state."""

import time
from pathlib import Path
from typing import Any

from workbench.distill.fake_quantized import FakeQuantizedStudent
from workbench.distill.held_out import held_out_scores
from workbench.distill.state import write_state
from workbench.distill.teacher import Frames
from workbench.distill.trainer import Trainer
from workbench.errors import TrainingError
from workbench.model.student.card import HeldOutScores
from workbench.model.student.network import StudentEncoder
from workbench.progress import Progress
from workbench.recipe import Recipe
from workbench.records.training import TrainedEpoch

_TESTS = ("synthetic", "recordings")
_NO_VOICED_FRAME = "the teacher has no voiced frame there"
_NO_RECORDINGS = "audio.calibrate matches no clip, or the student is trained on it"


def train_epochs(
    trainer: Trainer,
    recipe: Recipe,
    held_out: list[Frames],
    path: Path,
    key: str,
    state: dict[str, Any] | None,
    progress: Progress,
) -> tuple[TrainedEpoch, ...]:
    """Trains until the last epoch. Stores the state of each epoch.

    Args:
        trainer: The student.
        recipe: The recipe.
        held_out: The frames of the synthetic test, and those of the recordings if there are any.
        path: The file of the state.
        key: The hash of everything that the training depends on.
        state: The state to go on from, if there is one.
        progress: Receives one stage for each epoch.

    Raises:
        TrainingError: The loss is not finite.
        OSError: The state cannot be written.
    """
    epochs = list[TrainedEpoch]()
    if state is not None:
        trainer.restore(state["trainer"])
        epochs = [TrainedEpoch.model_validate_json(text) for text in state["epochs"]]
    while trainer.epochs_done < trainer.epochs:
        int8 = trainer.epochs_done >= recipe.student.epochs
        layers = " with int8 layers" if int8 else ""
        title = f"epoch {trainer.epochs_done + 1} of {trainer.epochs}{layers}{_so_far(epochs)}"
        started_s = time.perf_counter()
        with progress.stage(title, trainer.steps_per_epoch) as advance:
            try:
                loss = trainer.run_epoch(advance)
            except TrainingError as error:
                rate = f"student.{'quantization_aware.' if int8 else ''}learning_rate"
                kept = f"{path} has epoch {len(epochs)}" if epochs else "nothing is finished"
                raise TrainingError(f"{recipe.source}: {error}; {kept}; use a smaller {rate}") from None
        seconds = time.perf_counter() - started_s
        epochs.append(_epoch(loss, seconds, int8, *_scores(trainer.network, recipe, held_out)))
        texts = [epoch.model_dump_json() for epoch in epochs]
        write_state(path, key, {"trainer": trainer.state(), "epochs": texts})
    progress.report(f"trained{_so_far(epochs)}", 1, 1)
    return tuple(epochs)


def card_scores(trainer: Trainer, recipe: Recipe, held_out: list[Frames]) -> dict[str, HeldOutScores]:
    """Returns the scores of a trained student by test, and those with its int8 layers if it has some."""
    found: dict[str, HeldOutScores | None] = dict(zip(_TESTS, _scores(trainer.student, recipe, held_out), strict=False))
    if trainer.network is not trainer.student:
        scores = _scores(trainer.network, recipe, held_out)
        found |= {f"{name} in int8": score for name, score in zip(_TESTS, scores, strict=False)}
    return {name: score for name, score in found.items() if score is not None}


def _scores(
    network: StudentEncoder | FakeQuantizedStudent, recipe: Recipe, held_out: list[Frames]
) -> list[HeldOutScores | None]:
    voiced = recipe.scoring.voiced_confidence
    return [held_out_scores(network, frames, recipe.reduction, voiced) for frames in held_out]


def _epoch(loss: float, seconds: float, int8: bool, synthetic: object, recordings: object = None) -> TrainedEpoch:
    reasons = {"synthetic": _NO_VOICED_FRAME} if synthetic is None else {}
    reasons |= {"recordings": _NO_RECORDINGS} if recordings is None else {}
    return TrainedEpoch.model_validate(
        {
            "loss": loss,
            "seconds": seconds,
            "synthetic": synthetic,
            "recordings": recordings,
            "int8": int8,
            "null_reasons": reasons,
        }
    )


def _so_far(epochs: list[TrainedEpoch]) -> str:
    """Returns the loss and the held-out scores of the last epoch, for the name of the next stage."""
    if not epochs:
        return ""
    last = epochs[-1]
    tests = (("synthetic", last.synthetic), ("recordings", last.recordings))
    scores = "".join(
        f", {name} p95 {score.p95_cents:.1f} cents ({score.over_50_cents_rate:.2%} over 50)"
        for name, score in tests
        if score is not None
    )
    return f" (loss {last.loss:.4f}{scores})"
