"""The card of a student: its teacher, its architecture, how it was trained, and how well it does. Imports no torch.

A student is a file of safetensors, which holds tensors and text and can run no code. The text `card` in its header is
this record as JSON.
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from safetensors import SafetensorError, safe_open

from workbench.errors import CheckpointError
from workbench.recipe.students.architecture import Architecture
from workbench.record_model import RecordModel

CARD_KEY = "card"


class HeldOutScores(RecordModel):
    """The deviation of a student from its teacher on audio that it was not trained on, over its voiced frames.

    Attributes:
        frames: The voiced frames.
        p95_cents: The 95th percentile of the absolute difference of the pitch.
        over_50_cents_rate: The share of the frames that differ by more than 50 cents.
    """

    frames: int
    p95_cents: float
    over_50_cents_rate: float


class StudentCard(RecordModel):
    """Where a student comes from.

    Attributes:
        format_version: The version of the file.
        teacher: The checkpoint whose encoder it imitates, as its recipe names it.
        teacher_sha256: The hash of that file.
        sample_rate_hz: The rate of the audio that it was trained on.
        bins: Log-energies of a frame that it receives.
        architecture: Its layers.
        training: The section `student` of the recipe.
        data_sha256: The hash of the frames that it was trained on.
        trained_on: The SHA-256 of each recording among them, of its file and of its samples. They must not score it.
        held_out: How well it does, on synthetic clips and on recordings. After quantization-aware training, also with
            the int8 layers that it was trained for ("synthetic in int8").
        initial_sha256: The hash of the student whose weights were the first ones; empty if they were random.
    """

    format_version: Literal[1] = 1
    teacher: str
    teacher_sha256: str
    sample_rate_hz: int
    bins: int
    architecture: Architecture
    training: dict[str, Any]
    data_sha256: str
    trained_on: tuple[str, ...]
    held_out: dict[str, HeldOutScores]
    initial_sha256: str = Field("", exclude_if=lambda sha256: not sha256)  # earlier files do not have it


def read_card(path: Path) -> StudentCard:
    """Reads the card of a student's file.

    Raises:
        CheckpointError: The file is missing, is not one of safetensors, or has no card of this version.
    """
    try:
        with safe_open(path, framework="np") as file:
            text = (file.metadata() or {}).get(CARD_KEY)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path}: not a file of safetensors; use a student that `workbench train` wrote"
        ) from error
    if text is None:
        raise CheckpointError(f"{path}: has weights but no card of a student; use one that `workbench train` wrote")
    try:
        return StudentCard.model_validate_json(text)
    except ValidationError as error:
        raise CheckpointError(
            f"{path}: its card is not one of version 1; train the student again with this version"
        ) from error
