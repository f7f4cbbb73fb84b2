"""A folder that one process at a time works in, also on a machine that several people share."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.storage.atomic import remove_partial_files

_TAKEN = (errno.EACCES, errno.EAGAIN)


@contextmanager
def exclusive(folder: Path, wait: bool = False) -> Iterator[None]:
    """`locked`, for who makes what is in the folder: half-written files in it are taken away first, but not below,
    where another process may have a folder."""
    with folder_lock(folder, wait):
        remove_partial_files(folder)
        yield


@contextmanager
def folder_lock(folder: Path, wait: bool = False) -> Iterator[None]:
    """Have a folder, made where it is missing, for this process.

    The lock is the system's own (flock, on the folder itself): it leaves no file, and goes with the process, however
    that ends. Where the file system has no such locks, nothing is locked. Not to be nested. `wait`: until another
    process is done; else, raises WorkbenchError while one is at work there.
    """
    handle = _locked(folder, wait)
    try:
        yield
    finally:
        with suppress(OSError):  # where something came of it
            folder.rmdir()
        os.close(handle)


def _locked(folder: Path, wait: bool) -> int:
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:  # gone again: the other process made nothing
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError as error:
            if error.errno in _TAKEN:
                os.close(handle)
                raise WorkbenchError(
                    f"{folder}: another process is at work here; wait until it is done, or use another folder"
                ) from None
        with suppress(FileNotFoundError):
            if folder.stat().st_ino == os.fstat(handle).st_ino:
                return handle
        os.close(handle)
