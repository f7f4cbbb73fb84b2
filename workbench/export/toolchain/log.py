"""What the export toolchain prints goes to a file: torch, ExecuTorch and the SDKs print tracebacks, graphs and bars."""

import ctypes
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from workbench.errors import ToolchainError
from workbench.progress import Progress

LOG_NAME = "toolchain.log"
_STDOUT, _STDERR = 1, 2  # file descriptors, which native code writes to


class ToolchainLog:
    """A context manager that sends everything that this process prints to a file.

    This includes what native code prints. The redirection is the process's, so use it only while the toolchain works,
    and report progress through `showing`. A ToolchainError gets the path of the file in its message, and its traceback
    is written to the file. A file that stays empty is removed.

    Args:
        path: The file. An existing one is continued.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Self:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file: IO[str] = self.path.open("a", buffering=1, encoding="utf-8", errors="replace")
        self._redirect()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()
        with suppress(OSError):  # the disk is full: the log is not what matters
            if isinstance(error, ToolchainError):
                traceback.print_exception(error, file=self._file)
            self._file.close()
        if not self.path.stat().st_size:
            self.path.unlink()
        if isinstance(error, ToolchainError):
            raise ToolchainError(f"{error}; {self.path} has what the toolchain printed") from error

    def showing(self, progress: Progress) -> Progress:
        """Returns a progress that reports to `progress` while nothing is redirected."""
        return _Shown(self, progress)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Redirects nothing for a moment."""
        self._restore()
        try:
            yield
        finally:
            self._redirect()

    def _redirect(self) -> None:
        _flush()
        self._streams = sys.stdout, sys.stderr
        self._copies = {number: _copy(number) for number in (_STDOUT, _STDERR)}
        for number in self._copies:
            os.dup2(self._file.fileno(), number)
        sys.stdout = sys.stderr = self._file

    def _restore(self) -> None:
        _flush()
        sys.stdout, sys.stderr = self._streams
        for number, copy in self._copies.items():
            if copy is None:
                os.close(number)
            else:
                os.dup2(copy, number)
                os.close(copy)


class _Shown(Progress):
    def __init__(self, log: ToolchainLog, progress: Progress) -> None:
        self._log, self._progress = log, progress

    def report(self, stage: str, done: int, total: int) -> None:
        with self._log.paused():
            self._progress.report(stage, done, total)


def _copy(number: int) -> int | None:
    """Returns a copy of a file descriptor, or None if it is closed, as in a service without a terminal."""
    try:
        return os.dup(number)
    except OSError:
        return None


def _flush() -> None:
    """Writes what Python and C have buffered, so that it goes to where it was printed."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # closed, or its reader has left
            if stream is not None:
                stream.flush()
    if os.name == "posix":
        ctypes.CDLL(None).fflush(None)
