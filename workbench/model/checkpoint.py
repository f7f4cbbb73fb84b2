"""Where checkpoints are stored. Imports neither torch nor pesto, so that a recipe can be checked quickly."""

import hashlib
import importlib.util
from pathlib import Path

from workbench.errors import CheckpointError


def packaged_checkpoints() -> dict[str, Path]:
    """Returns name -> file of the checkpoints in the installed pesto-pitch package, without importing it."""
    spec = importlib.util.find_spec("pesto")
    if spec is None or not spec.submodule_search_locations:
        return {}
    return {path.stem: path for path in sorted(Path(spec.submodule_search_locations[0], "weights").glob("*.ckpt"))}


def checkpoint_path(checkpoint: str) -> Path:
    """Returns the file of a packaged name or of a path. Raises CheckpointError if it does not exist."""
    packaged = packaged_checkpoints()
    path = packaged.get(checkpoint, Path(checkpoint))
    if not path.is_file():
        raise CheckpointError(f"{checkpoint}: no such checkpoint; use a file or one of {', '.join(packaged)}")
    return path


def checkpoint_sha256(checkpoint: str) -> str:
    """Returns the SHA-256 of the file's bytes. Raises CheckpointError if it does not exist."""
    return hashlib.sha256(checkpoint_path(checkpoint).read_bytes()).hexdigest()
