"""The frames of each batch, in the cache: a training that is resumed or has another seed computes none again."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from workbench.distill.clips import Audio
from workbench.distill.teacher import Frames, joined, teacher_frames
from workbench.errors import TrainingError, WorkbenchError
from workbench.measure.timing import BaselineSpec
from workbench.progress import Progress
from workbench.storage.atomic import write_atomic
from workbench.storage.cache_entries import mark_used
from workbench.storage.locks import exclusive

_FILE = "frames.safetensors"


@dataclass(frozen=True)
class Batch:
    """A batch of clips and what the teacher returns for them.

    Attributes:
        name: What the progress calls it.
        key: The hash of everything that its frames depend on.
        clips: How many clips there are to render.
        render: Returns the audio; it is called with what to call after each clip.
        mirror: The mirror of the stream.
    """

    name: str
    key: str
    clips: int
    render: Callable[[Callable[[int], None]], Audio]
    mirror: float


def load_batches(batches: "list[Batch]", teacher: BaselineSpec, store: Path, progress: Progress) -> "list[Frames]":
    """Returns the frames of batches, and computes those that the cache does not have.

    Processes that need the same batches share the work: each computes those that no other one has begun, and then waits
    for the others.

    Raises:
        OSError: A batch cannot be stored, for example because the disk is full.
        TrainingError: A stored batch cannot be read.
    """
    for batch in batches:
        try:
            with exclusive(store / batch.key):
                _compute_if_missing(batch, teacher, store, progress)
        except WorkbenchError:  # another process computes it
            continue
    frames = []
    for batch in batches:
        with exclusive(store / batch.key, wait=True):
            _compute_if_missing(batch, teacher, store, progress)
        mark_used(store / batch.key)
        frames.append(_read(store / batch.key / _FILE))
    return frames


def frames_to_train_on(frames: "list[Frames]", least_confidence: float) -> Frames:
    """Returns the frames of batches with at least this confidence as one. Raises TrainingError if there are none."""
    found = joined([part.at_least(least_confidence) for part in frames])
    if not len(found):
        raise TrainingError(
            f"student.data: no frame of any clip has a confidence of {least_confidence:g} or more; use more or louder "
            "clips, or a lower student.least_confidence"
        )
    return found


def _compute_if_missing(batch: Batch, teacher: BaselineSpec, store: Path, progress: Progress) -> None:
    path = store / batch.key / _FILE
    if path.is_file():
        return
    with progress.stage(f"render {batch.name}", batch.clips) as advance:
        audio = batch.render(advance)
    with progress.stage(f"teacher on {batch.name}", audio.shape[-1]) as advance:
        frames = teacher_frames(audio, teacher, batch.mirror, advance)
    write_atomic(path, save({name: getattr(frames, name) for name in Frames.__dataclass_fields__}))


def _read(path: Path) -> Frames:
    try:
        frames = Frames(**load_file(path))
    except (SafetensorError, OSError, TypeError) as error:
        raise TrainingError(f"{path}: cannot be read; delete its folder, and the next training computes it") from error
    if not all(tensor.dtype == torch.float16 for tensor in vars(frames).values()):
        raise TrainingError(f"{path}: has other numbers than a training stores; delete its folder")
    return frames
