"""The state of a training between two commands: one file, written whole after each epoch."""

import io
from pathlib import Path
from typing import Any

import torch

from workbench.errors import TrainingError
from workbench.storage.atomic import write_atomic

STATE_NAME = "training.pt"


def write_state(path: Path, key: str, state: dict[str, Any]) -> None:
    """Writes the state of a training atomically.

    Args:
        path: The file.
        key: The hash of everything that the training depends on.
        state: Tensors and plain data.

    Raises:
        OSError: The file cannot be written, for example because the disk is full. The earlier one is kept.
    """
    content = io.BytesIO()
    torch.save({"key": key, **state}, content)
    write_atomic(path, content.getvalue())


def read_state(path: Path, key: str) -> dict[str, Any] | None:
    """Returns the state in a file, or None if there is no file. The file can run no code.

    Raises:
        TrainingError: The file is not a state, or is one of another training.
    """
    try:
        state = torch.load(path, weights_only=True)
    except FileNotFoundError:
        return None
    except Exception as error:  # a pickle can raise any exception
        raise TrainingError(f"{path}: not the state of a training; use another --out, or --restart") from error
    if not isinstance(state, dict) or state.get("key") != key:
        raise TrainingError(
            f"{path}: is the state of a training with other settings, data or versions; use another --out, or --restart"
        )
    return state
