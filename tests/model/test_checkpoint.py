"""Where checkpoints are found. The text of the error is in tests/cli/bad_input_cases.py."""

import hashlib
from pathlib import Path

import pytest

from workbench.errors import CheckpointError
from workbench.model.checkpoint import checkpoint_path, checkpoint_sha256, packaged_checkpoints


def test_checkpoint_is_a_packaged_name_or_a_path(tmp_path: Path) -> None:
    assert list(packaged_checkpoints()) == ["mir-1k", "mir-1k_g7"]
    assert checkpoint_path("mir-1k_g7") == packaged_checkpoints()["mir-1k_g7"]
    path = tmp_path / "own.ckpt"
    path.write_bytes(b"weights")
    assert checkpoint_path(str(path)) == path
    assert checkpoint_sha256(str(path)) == hashlib.sha256(b"weights").hexdigest()
    for name in ("absent.ckpt", "mir-2k", "."):
        with pytest.raises(CheckpointError, match=f"^{name}: no such checkpoint"):
            checkpoint_path(name)
