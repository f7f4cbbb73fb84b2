"""Where checkpoints are stored. Imports neither torch nor pesto, so that a recipe can be checked quickly."""

import hashlib
import importlib.util
from pathlib import Path

from workbench.errors import CheckpointError
from workbench.model.student.card import read_card
from workbench.recipe.patterns import is_student
from workbench.storage.shipped import shipped_students


def packaged_checkpoints() -> dict[str, Path]:
    """Returns name -> file of the checkpoints in the installed pesto-pitch package, without importing it."""
    spec = importlib.util.find_spec("pesto")
    if spec is None or not spec.submodule_search_locations:
        return {}
    return {path.stem: path for path in sorted(Path(spec.submodule_search_locations[0], "weights").glob("*.ckpt"))}


def known_checkpoints() -> dict[str, Path]:
    """Returns name -> file of everything that a recipe can name: packaged checkpoints and shipped students."""
    return packaged_checkpoints() | shipped_students()


def checkpoint_path(checkpoint: str) -> Path:
    """Returns the file of a known name or of a path. Raises CheckpointError if it does not exist."""
    known = known_checkpoints()
    path = known.get(checkpoint, Path(checkpoint))
    if not path.is_file():
        raise CheckpointError(f"{checkpoint}: no such checkpoint; use a file or one of {', '.join(known)}")
    return path


def checkpoint_sha256(checkpoint: str) -> str:
    """Returns the SHA-256 of the file's bytes. Raises CheckpointError if it does not exist."""
    return hashlib.sha256(checkpoint_path(checkpoint).read_bytes()).hexdigest()


def baseline_checkpoint(checkpoint: str) -> str:
    """Returns the checkpoint of the baseline: that of a student's teacher, or else the checkpoint itself.

    Raises:
        CheckpointError: A student cannot be read, or its teacher is missing or not the file that it was trained on.
    """
    if not is_student(checkpoint):
        return checkpoint
    path = checkpoint_path(checkpoint)
    card = read_card(path)
    if is_student(card.teacher):
        raise CheckpointError(f"{path}: its teacher is a student ({card.teacher}); train one on a checkpoint of PESTO")
    try:
        found = checkpoint_sha256(card.teacher)
    except CheckpointError:
        raise CheckpointError(f"{path}: its teacher {card.teacher} is missing; put the file there") from None
    if found != card.teacher_sha256:
        raise CheckpointError(
            f"{path}: its teacher {card.teacher} is another file now (sha256 {found[:12]}… instead of "
            f"{card.teacher_sha256[:12]}…); train the student again"
        )
    return card.teacher
