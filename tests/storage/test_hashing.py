"""SHA-256 of files and bytes."""

import hashlib
from pathlib import Path

from workbench.storage.hashing import sha256_of


def test_sha256_of_bytes_and_of_a_file_agree(tmp_path: Path) -> None:
    content = bytes(range(256)) * 9000  # more than one block of hashlib.file_digest
    path = tmp_path / "file"
    path.write_bytes(content)
    assert sha256_of(path) == sha256_of(content) == hashlib.sha256(content).hexdigest()
