"""Files that appear whole or not at all."""

import os
import tempfile
from pathlib import Path

PART = ".part"  # how the hidden files end that are not whole yet


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it appears whole or not at all; the folder is made where it is missing.

    Raises OSError with the file's name, also where the system would not tell it: the disk is full, say.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=PART)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise


def remove_parts(folder: Path) -> None:
    """Take away what a killed process left half-written in a folder and below; only where no other is writing."""
    for path in folder.rglob(f".*{PART}"):
        path.unlink(missing_ok=True)
