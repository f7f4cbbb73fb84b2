"""Folder locks: one process at a time works in a folder, also on a machine that several people share."""

import errno
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from workbench.errors import WorkbenchError, WorkbenchWarning
from workbench.storage.atomic import remove_partial_files

LOCK_NAME = ".workbench.lock"
"""The lock file in a locked folder. It exists while the folder is locked, and after the process was killed."""

_READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)
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

    The system locks an open file, `LOCK_NAME`, and releases it when the process ends, even if it is killed. A lock that
    is only the existence of a file would remain. It cannot be nested. If the file system does not support locks (some
    network file systems), the block runs without one, after one `WorkbenchWarning` for that file system. The block also
    runs without one if this user can create no file in the folder: then it writes nothing there.

    Args:
        folder: The folder.
        wait: Whether to wait while another process holds the lock.

    Raises:
        WorkbenchError: Another process holds the lock, and `wait` is false.
        OSError: The folder cannot be created.
    """
    handle = _lock(folder, wait)
    try:
        yield
    finally:
        if handle is not None:
            _unlock(folder, handle)
        with suppress(OSError):  # not empty: the block has written something
            folder.rmdir()


def _lock(folder: Path, wait: bool) -> int | None:
    """Returns the handle of the locked file; the lock lasts until it is closed. None if there can be no lock file."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            handle = _open(folder / LOCK_NAME)
        except FileNotFoundError:
            continue  # another process has deleted the empty folder, or the lock file, in between
        if handle is None:
            return None
        try:
            if not _acquire(folder, handle, wait):
                raise WorkbenchError(
                    f"{folder}: in use by another workbench process; wait for it to finish or choose another folder"
                )
            if _is_current(folder, handle):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _open(path: Path) -> int | None:
    """Opens the lock file, read-only if it is another user's. Returns None if it is missing and cannot be created."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        if error.errno not in _READ_ONLY:
            raise
        return os.open(path, os.O_RDONLY) if path.exists() else None


def _acquire(folder: Path, handle: int, wait: bool) -> bool:
    """Locks the open file. Returns False if another process holds the lock."""
    from filelock import lock_descriptor  # warns if it is imported where the system has no locks

    try:
        return lock_descriptor(handle, blocking=wait)
    except OSError as error:
        _warn_unlocked(folder, handle, error)
        return True


def _is_current(folder: Path, handle: int) -> bool:
    """Whether the lock file at this path is the locked one: the previous holder of the lock deletes it."""
    with suppress(FileNotFoundError):
        return (folder / LOCK_NAME).stat().st_ino == os.fstat(handle).st_ino
    return False


def _unlock(folder: Path, handle: int) -> None:
    """Deletes the lock file and closes it.

    Elsewhere than on Windows it has to be deleted while it is locked: later, it may be the file of the next holder.
    Windows deletes no open file, so neither this one before it is closed nor that of the next holder.
    """
    if os.name == "nt":
        os.close(handle)
    with suppress(OSError):
        (folder / LOCK_NAME).unlink()
    if os.name != "nt":
        os.close(handle)


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
