"""Where checkpoints are found. The text of the error is in tests/cli/bad_input_cases.py."""

import hashlib
from pathlib import Path

import pytest

from workbench.errors import CheckpointError
from workbench.model.checkpoint import checkpoint_path, checkpoint_sha256, packaged_checkpoints


def test_packaged_checkpoints_have_names() -> None:
    packaged = packaged_checkpoints()
    assert list(packaged) == ["mir-1k", "mir-1k_g7"]
    assert checkpoint_path("mir-1k_g7") == packaged["mir-1k_g7"]


def test_checkpoint_of_a_path_is_that_file(tmp_path: Path) -> None:
    path = tmp_path / "own.ckpt"
    path.write_bytes(b"weights")
    assert checkpoint_path(str(path)) == path
    assert checkpoint_sha256(str(path)) == hashlib.sha256(b"weights").hexdigest()


@pytest.mark.parametrize("name", ["absent.ckpt", "mir-2k", "."])
def test_checkpoint_that_does_not_exist_is_refused(name: str) -> None:
    with pytest.raises(CheckpointError, match=f"^{name}: no such checkpoint"):
        checkpoint_path(name)
