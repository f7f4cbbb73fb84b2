"""SHA-256 of files and of bytes."""

import hashlib
from pathlib import Path


def sha256_of(source: Path | bytes) -> str:
    """Returns the SHA-256 of a file or of bytes, in hexadecimal. Raises OSError if the file cannot be read.

    A file is read in blocks, so it does not have to fit into memory.
    """
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
