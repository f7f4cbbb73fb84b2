"""Trains a student of a recipe's checkpoint, and writes its file. The same call in the same folder goes on."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from workbench.distill.batches import frames_to_train_on, load_batches
from workbench.distill.fake_quantized import unused_parts
from workbench.distill.state import STATE_NAME, read_state
from workbench.distill.teacher import Frames
from workbench.distill.trainer import Trainer
from workbench.errors import AudioError, RecipeError
from workbench.model.student.card import HeldOutScores, StudentCard
from workbench.model.student.load import student_bytes
from workbench.model.student.network import StudentEncoder
from workbench.progress import Progress
from workbench.recipe import Recipe
from workbench.recipe.patterns import STUDENT_SUFFIX, is_student
from workbench.record_model import now_utc
from workbench.records.environment import environment
from workbench.records.result import recipe_used
from workbench.records.training import Training
from workbench.storage.atomic import write_atomic
from workbench.storage.cache_folder import cache_folder
from workbench.storage.hashing import sha256_of
from workbench.storage.locks import exclusive
from workbench.workflows.training.epochs import card_scores, train_epochs
from workbench.workflows.training.initial import Initial, check_held_out, load_initial
from workbench.workflows.training.plan import plan_data
from workbench.workflows.variant.fingerprint import canonical_sha256, floating_point_platform
from workbench.workflows.variant.prepare import PreparedVariant

STUDENT_NAME = f"student{STUDENT_SUFFIX}"


def check(recipe: Recipe) -> None:
    """Raises RecipeError if no student of a recipe's checkpoint can be trained."""
    if is_student(recipe.checkpoint):
        problem = "checkpoint: is a student itself; name its teacher, such as mir-1k_g7"
        raise RecipeError([f"{recipe.source}: {problem}"])
    seconds = recipe.student.data.clip_seconds
    if recipe.hop_samples > seconds * recipe.sample_rate_hz:
        problem = f"student.data.clip_seconds: is shorter than a hop ({recipe.hop_samples} samples); use longer clips"
        raise RecipeError([f"{recipe.source}: {problem}"])
    unused = unused_parts(recipe.student.architecture, recipe.student.quantization_aware)
    if unused:
        key = "student.quantization_aware.parts"
        raise RecipeError([f"{recipe.source}: {key}: {', '.join(unused)} matches no layer of the student; remove it"])
    load_initial(recipe)


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
        RecipeError: The checkpoint is a student itself, or `student` names no layer or no student that exists.
        CheckpointError: The first weights cannot be read, or are those of another architecture or rate.
        AudioError: The recipe trains on calibration clips and has none.
        TrainingError: The loss is not finite, or the folder has the state of another training.
        ChangedError: The checkpoint or the source changed meanwhile.
        OSError: A file cannot be written.
    """
    recipe = variant.recipe
    check(recipe)
    if recipe.student.data.calibration_clips == "train" and not variant.calibration_clips:
        raise AudioError(f"{recipe.source}: student.data.calibration_clips: audio.calibrate matches no clip; name some")
    initial = load_initial(recipe)
    if initial:
        check_held_out(initial, variant)
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
            *([initial.sha256] if initial else []),
        )
        state = None if restart else read_state(folder / STATE_NAME, key)  # before data are rendered for nothing
        held_out = load_batches(
            [plan.synthetic, *([plan.recordings] if plan.recordings else [])], variant.baseline, store, progress
        )
        frames = frames_to_train_on(
            load_batches(list(plan.training), variant.baseline, store, progress), recipe.student.least_confidence
        )
        data_sha256 = _hash(frames)
        trainer = Trainer(recipe.student, frames, initial.student if initial else None)
        epochs = train_epochs(trainer, recipe, held_out, folder / STATE_NAME, key, state, progress)
        variant.check_unchanged()
        card = _card(variant, trainer.student, data_sha256, card_scores(trainer, recipe, held_out), initial)
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


def _card(
    variant: PreparedVariant,
    student: StudentEncoder,
    data_sha256: str,
    held_out: dict[str, HeldOutScores],
    initial: Initial | None,
) -> StudentCard:
    recipe = variant.recipe
    clips = variant.calibration_clips if recipe.student.data.calibration_clips == "train" else ()
    trained_on = [sha256 for clip in clips for sha256 in clip.content_sha256]
    return StudentCard(
        teacher=recipe.checkpoint,
        teacher_sha256=variant.checkpoint_sha256,
        sample_rate_hz=variant.stream.sample_rate_hz,
        bins=student.bins,
        architecture=recipe.student.architecture,
        training=recipe.student.model_dump(mode="json"),
        data_sha256=data_sha256,
        trained_on=tuple(dict.fromkeys([*(initial.card.trained_on if initial else ()), *trained_on])),
        held_out=held_out,
        initial_sha256=initial.sha256 if initial else "",
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
