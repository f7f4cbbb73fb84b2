"""Atomic writes: a file has its old content or its new content, never a part of it."""

import errno
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path

_PREFIX, _SUFFIX = ".workbench-", ".part"
_RANDOM_BYTES = 8
_PARTIAL_FILES = f"{_PREFIX}{'[0-9a-f]' * 2 * _RANDOM_BYTES}{_SUFFIX}"
_STALE_AFTER_S = 3600.0  # the longest write, a program of some MB, takes seconds
_NO_FOLDER_FLUSH = (errno.EACCES, errno.EINVAL, errno.ENOTSUP)  # not readable, or the system cannot, as Windows


def write_atomic(path: Path, content: bytes) -> None:
    """Writes a file atomically and durably. Creates missing folders.

    A reader sees the old content or the new. Once this function has returned, the new content survives a power failure:
    the file is flushed to the disk before it takes its name, and its folder after that. Permissions follow the umask,
    as those of `open` do. A process that is killed during the write leaves a hidden partial file beside the target;
    `remove_partial_files` deletes it once the folder is locked.

    Raises:
        OSError: The file cannot be written, for example because the disk is full. `filename` is always set.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        partial = path.parent / f"{_PREFIX}{secrets.token_hex(_RANDOM_BYTES)}{_SUFFIX}"
        try:
            with partial.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        _flush_folder(path.parent)
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise


def remove_partial_files(*folders: Path, before_s: float | None = None) -> None:
    """Deletes the partial files that killed processes left in these folders, but not in folders below them.

    The caller must hold the lock of these folders, unless it passes `before_s`.

    Args:
        *folders: Folders; a missing one is skipped.
        before_s: If given, only files that were last modified before this time (seconds since the epoch) are deleted.
    """
    for folder in folders:
        for path in folder.glob(_PARTIAL_FILES):
            with suppress(OSError):  # already deleted, or owned by another user: it does no harm
                if before_s is None or path.stat().st_mtime < before_s:
                    path.unlink()


def remove_stale_partial_files(folder: Path) -> None:
    """Deletes the partial files of a folder in which other processes may be writing: those older than an hour."""
    remove_partial_files(folder, before_s=time.time() - _STALE_AFTER_S)


def _flush_folder(folder: Path) -> None:
    """Flushes the entry of a renamed file to the disk, if the file system can do that."""
    try:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno not in _NO_FOLDER_FLUSH:
            raise
