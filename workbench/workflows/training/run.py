"""Trains a student of a recipe's checkpoint, and writes its file. The same call in the same folder goes on."""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from workbench.distill.batches import frames_to_train_on, load_batches
from workbench.distill.held_out import held_out_scores
from workbench.distill.state import STATE_NAME, read_state, write_state
from workbench.distill.teacher import Frames
from workbench.distill.trainer import Trainer
from workbench.errors import AudioError, RecipeError, TrainingError
from workbench.model.student.card import StudentCard
from workbench.model.student.load import student_bytes
from workbench.progress import Progress
from workbench.recipe import Recipe
from workbench.recipe.patterns import STUDENT_SUFFIX, is_student
from workbench.record_model import now_utc
from workbench.records.environment import environment
from workbench.records.result import recipe_used
from workbench.records.training import TrainedEpoch, Training
from workbench.storage.atomic import write_atomic
from workbench.storage.cache_folder import cache_folder
from workbench.storage.hashing import sha256_of
from workbench.storage.locks import exclusive
from workbench.workflows.training.plan import plan_data
from workbench.workflows.variant.fingerprint import canonical_sha256, floating_point_platform
from workbench.workflows.variant.prepare import PreparedVariant

STUDENT_NAME = f"student{STUDENT_SUFFIX}"
_NO_VOICED_FRAME = "the teacher has no voiced frame there"
_NO_RECORDINGS = "audio.calibrate matches no clip, or the student is trained on it"


def check(recipe: Recipe) -> None:
    """Raises RecipeError if no student of a recipe's checkpoint can be trained."""
    if is_student(recipe.checkpoint):
        problem = "checkpoint: is a student itself; name its teacher, such as mir-1k_g7"
        raise RecipeError([f"{recipe.source}: {problem}"])
    seconds = recipe.student.data.clip_seconds
    if recipe.hop_samples > seconds * recipe.sample_rate_hz:
        problem = f"student.data.clip_seconds: is shorter than a hop ({recipe.hop_samples} samples); use longer clips"
        raise RecipeError([f"{recipe.source}: {problem}"])


def train(variant: PreparedVariant, folder: Path, progress: Progress, restart: bool = False) -> Training:
    """Trains the student of a recipe in `folder`, on one thread, and writes STUDENT_NAME.

    The state is stored after each epoch. A training that was interrupted, or killed, goes on after the last epoch that
    it finished, and ends with the same weights.

    Args:
        variant: The teacher, with its clips.
        folder: The folder of the student. It may hold the state of the same training.
        progress: Receives the stages, one for each epoch.
        restart: Starts with the first epoch. Frames in the cache are used nevertheless.

    Raises:
        RecipeError: The checkpoint is a student itself.
        AudioError: The recipe trains on calibration clips and has none.
        TrainingError: The loss is not finite, or the folder has the state of another training.
        ChangedError: The checkpoint or the source changed meanwhile.
        OSError: A file cannot be written.
    """
    recipe = variant.recipe
    check(recipe)
    if recipe.student.data.calibration_clips == "train" and not variant.calibration_clips:
        raise AudioError(f"{recipe.source}: student.data.calibration_clips: audio.calibrate matches no clip; name some")
    store = cache_folder("training")
    with exclusive(folder), _one_thread():
        plan = plan_data(variant)
        batches = [*plan.training, plan.synthetic, *([plan.recordings] if plan.recordings else [])]
        key = canonical_sha256(
            recipe.student.model_dump(mode="json"),
            variant.checkpoint_sha256,
            [recipe.reduction, recipe.scoring.voiced_confidence],
            [batch.key for batch in batches],
            floating_point_platform(),
        )
        state = None if restart else read_state(folder / STATE_NAME, key)  # before data are rendered for nothing
        held_out = load_batches(
            [plan.synthetic, *([plan.recordings] if plan.recordings else [])], variant.baseline, store, progress
        )
        frames = frames_to_train_on(
            load_batches(list(plan.training), variant.baseline, store, progress), recipe.student.least_confidence
        )
        data_sha256 = _hash(frames)
        trainer = Trainer(recipe.student, frames)
        epochs = _train_epochs(trainer, variant, held_out, folder / STATE_NAME, key, state, progress)
        variant.check_unchanged()
        card = _card(variant, trainer, data_sha256, epochs[-1])
        content = student_bytes(trainer.student.state_dict(), card)
        write_atomic(folder / STUDENT_NAME, content)
    return Training(
        created=now_utc(),
        recipe=recipe_used(recipe, variant.checkpoint_sha256),
        environment=environment(1),
        file=STUDENT_NAME,
        sha256=sha256_of(content),
        bytes=len(content),
        weights=sum(parameter.numel() for parameter in trainer.student.parameters()),
        multiply_adds=trainer.student.multiply_adds,
        data_sha256=data_sha256,
        frames=len(frames),
        epochs=epochs,
    )


def _train_epochs(
    trainer: Trainer,
    variant: PreparedVariant,
    held_out: list[Frames],
    path: Path,
    key: str,
    state: dict[str, Any] | None,
    progress: Progress,
) -> tuple[TrainedEpoch, ...]:
    """Trains until the last epoch, from a state if there is one. Stores the state of each epoch at `path`."""
    recipe, epochs = variant.recipe, list[TrainedEpoch]()
    if state is not None:
        trainer.restore(state["trainer"])
        epochs = [TrainedEpoch.model_validate_json(text) for text in state["epochs"]]
    while trainer.epochs_done < recipe.student.epochs:
        title = f"epoch {trainer.epochs_done + 1} of {recipe.student.epochs}{_so_far(epochs)}"
        started_s = time.perf_counter()
        with progress.stage(title, trainer.steps_per_epoch) as advance:
            try:
                loss = trainer.run_epoch(advance)
            except TrainingError as error:
                kept = f"{path} has epoch {len(epochs)}" if epochs else "nothing is finished"
                raise TrainingError(f"{recipe.source}: {error}; {kept}; use a smaller student.learning_rate") from None
        seconds = time.perf_counter() - started_s
        scores = [
            held_out_scores(trainer.student, frames, recipe.reduction, recipe.scoring.voiced_confidence)
            for frames in held_out
        ]
        epochs.append(_epoch(loss, seconds, *scores))
        texts = [epoch.model_dump_json() for epoch in epochs]
        write_state(path, key, {"trainer": trainer.state(), "epochs": texts})
    progress.report(f"trained{_so_far(epochs)}", 1, 1)
    return tuple(epochs)


def _epoch(loss: float, seconds: float, synthetic: object, recordings: object = None) -> TrainedEpoch:
    reasons = {"synthetic": _NO_VOICED_FRAME} if synthetic is None else {}
    reasons |= {"recordings": _NO_RECORDINGS} if recordings is None else {}
    return TrainedEpoch.model_validate(
        {"loss": loss, "seconds": seconds, "synthetic": synthetic, "recordings": recordings, "null_reasons": reasons}
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


def _card(variant: PreparedVariant, trainer: Trainer, data_sha256: str, last: TrainedEpoch) -> StudentCard:
    recipe = variant.recipe
    clips = variant.calibration_clips if recipe.student.data.calibration_clips == "train" else ()
    tests = {"synthetic": last.synthetic, "recordings": last.recordings}
    return StudentCard(
        teacher=recipe.checkpoint,
        teacher_sha256=variant.checkpoint_sha256,
        sample_rate_hz=variant.stream.sample_rate_hz,
        bins=trainer.student.bins,
        architecture=recipe.student.architecture,
        training=recipe.student.model_dump(mode="json"),
        data_sha256=data_sha256,
        trained_on=tuple(sha256 for clip in clips for sha256 in clip.content_sha256),
        held_out={name: score for name, score in tests.items() if score is not None},
    )


def _hash(frames: Frames) -> str:
    digest = hashlib.sha256()
    for tensor in vars(frames).values():
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Computes on one thread: with several, the last bits differ, and the matrices are small."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
