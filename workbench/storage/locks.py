"""Folder locks: one process at a time works in a folder, also on a machine that several people share."""

import errno
import fcntl
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from workbench.errors import WorkbenchError, WorkbenchWarning
from workbench.storage.atomic import remove_partial_files

_HELD_BY_ANOTHER = (errno.EACCES, errno.EAGAIN)
_warned_devices: set[int] = set()


@contextmanager
def exclusive(folder: Path, wait: bool = False) -> Iterator[None]:
    """Locks a folder, as `folder_lock` does, and deletes the partial files of killed processes in it.

    It deletes nothing in the folders below it, because another process may hold the lock of one of them.
    """
    with folder_lock(folder, wait):
        remove_partial_files(folder)
        yield


@contextmanager
def folder_lock(folder: Path, wait: bool = False) -> Iterator[None]:
    """Locks a folder for this process. Creates it if it is missing, and deletes it afterwards if it is empty.

    The lock is a `flock` on the folder itself: it needs no lock file, and the system releases it when the process ends,
    even if it is killed. It cannot be nested. If the file system does not support it (some network file systems), the
    block runs without a lock, after one `WorkbenchWarning` for that file system.

    Args:
        folder: The folder.
        wait: Whether to wait while another process holds the lock.

    Raises:
        WorkbenchError: Another process holds the lock, and `wait` is false.
        OSError: The folder cannot be created or opened.
    """
    handle = _lock(folder, wait)
    try:
        yield
    finally:
        with suppress(OSError):  # not empty: the block has written something
            folder.rmdir()
        os.close(handle)


def _lock(folder: Path, wait: bool) -> int:
    """Returns the handle of the locked folder; the lock lasts until it is closed."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:  # another process has deleted the empty folder in between
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError as error:
            if error.errno in _HELD_BY_ANOTHER:
                os.close(handle)
                raise WorkbenchError(
                    f"{folder}: in use by another workbench process; wait for it to finish or choose another folder"
                ) from None
            _warn_unlocked(folder, handle, error)
        if _is_current(folder, handle):
            return handle
        os.close(handle)


def _is_current(folder: Path, handle: int) -> bool:
    """Whether the folder at this path is the locked one: the previous holder of the lock deletes an empty folder."""
    with suppress(FileNotFoundError):
        return folder.stat().st_ino == os.fstat(handle).st_ino
    return False


def _warn_unlocked(folder: Path, handle: int, error: OSError) -> None:
    device = os.fstat(handle).st_dev
    if device not in _warned_devices:
        _warned_devices.add(device)
        warnings.warn(
            f"{folder}: this file system does not support folder locks ({error.strerror}); do not run two workbench "
            "processes in the same folder",
            WorkbenchWarning,
            stacklevel=2,
        )
