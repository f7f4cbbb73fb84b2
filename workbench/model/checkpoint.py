"""Where checkpoints are. Imports neither torch nor pesto, so that a recipe is checked at once."""

import hashlib
import importlib.util
from pathlib import Path

from workbench.errors import CheckpointError


def packaged_checkpoints() -> dict[str, Path]:
    """Name -> file of the checkpoints that pesto-pitch ships, found without importing it."""
    spec = importlib.util.find_spec("pesto")
    if spec is None or not spec.submodule_search_locations:
        return {}
    return {path.stem: path for path in sorted(Path(spec.submodule_search_locations[0], "weights").glob("*.ckpt"))}


def checkpoint_path(checkpoint: str) -> Path:
    """The file behind a packaged name or a path. Raises CheckpointError where there is none."""
    packaged = packaged_checkpoints()
    path = packaged.get(checkpoint, Path(checkpoint))
    if not path.is_file():
        raise CheckpointError(f"{checkpoint}: no such checkpoint; use a file or one of {', '.join(packaged)}")
    return path


def checkpoint_sha256(checkpoint: str) -> str:
    """Of the bytes of the file. Raises CheckpointError where there is none."""
    return hashlib.sha256(checkpoint_path(checkpoint).read_bytes()).hexdigest()
