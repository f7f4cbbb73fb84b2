"""Files that appear whole or not at all."""

import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path

_PREFIX, _SUFFIX = ".workbench-", ".part"
_PARTS = f"{_PREFIX}{'[a-z0-9_]' * 8}{_SUFFIX}"  # how tempfile names the hidden files that are not whole yet
_WRITTEN_WITHIN_S = 3600.0


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file so that it appears whole or not at all; the folder is made where it is missing.

    What a killed process left half-written beside it goes too: here, as not every folder that is written to is some
    process's alone, and this one is at hand.
    Raises OSError with the file's name, also where the system would not tell it: the disk is full, say.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_stale_partial_files(path.parent)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=_PREFIX, suffix=_SUFFIX)
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


def remove_partial_files(*folders: Path, before_s: float | None = None) -> None:
    """Take away what killed processes left half-written in these folders, not below; only where no other is writing.

    `before_s`: only what was last written to before that time.
    """
    for folder in folders:
        for path in folder.glob(_PARTS):
            with suppress(OSError):  # gone meanwhile, or not ours to take away: it is in nobody's way
                if before_s is None or path.stat().st_mtime < before_s:
                    path.unlink()


def remove_stale_partial_files(folder: Path) -> None:
    """The same where others may be writing: what was begun so long ago that its process is gone."""
    remove_partial_files(folder, before_s=time.time() - _WRITTEN_WITHIN_S)
