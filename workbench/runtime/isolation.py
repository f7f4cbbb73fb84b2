"""Runs work in a child process.

A program that crashes its runtime ends the child and not the workbench, the number of threads can be set before
anything is loaded, and the memory of the child is that of the work only.
"""

import logging
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, cast

from workbench.errors import ProgramCrashError, ProgramTimeoutError, WorkerKilledError
from workbench.runtime.inherited_file import InheritedFile

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")

OPEN_LIMIT_S = 60.0
"""Time limit for opening a program, so that a program that hangs does not block the others."""

_SIGNALS_FROM_OUTSIDE = ("SIGKILL", "SIGTERM", "SIGINT", "SIGHUP", "SIGXCPU", "SIGBUS")
"""SIGXCPU: the CPU time is used up; SIGBUS: the disk of a mapped file is full. Windows has some of them."""
EXIT_CODES_FROM_OUTSIDE = (
    None,
    *(-getattr(signal, name) for name in _SIGNALS_FROM_OUTSIDE if hasattr(signal, name)),
)
"""Exit codes of a process that a user or the machine has ended; None if the code is not known."""

_OUT_OF_MEMORY_TEXTS = ("bad_alloc", "MemoryError", "failed to map segment", "Cannot allocate memory")
"""What C++, Python and the dynamic loader write to stderr before a process ends without memory."""


class _NewPython(SpawnContext):
    """Starts a new Python, and keeps its process: a pool has no public access to its processes."""

    process: BaseProcess

    def Process(self, *args: Any, **kwargs: Any) -> SpawnProcess:  # type: ignore[override]
        self.process = process = SpawnProcess(*args, **kwargs)
        return process


if sys.platform == "linux":
    from multiprocessing.context import ForkServerContext, ForkServerProcess
    from multiprocessing.forkserver import ensure_running

    class _Copy(ForkServerContext):
        """Copies the process that has imported `template`, and keeps the copy. The first copy starts that process."""

        process: BaseProcess

        def __init__(self) -> None:
            self.set_forkserver_preload(["workbench.runtime.template"])

        def Process(self, *args: Any, **kwargs: Any) -> ForkServerProcess:  # type: ignore[override]
            self.process = process = ForkServerProcess(*args, **kwargs)
            return process

else:  # Windows cannot copy a process, and libraries of macOS can fail in a copy
    _Copy = _NewPython


def start_template() -> None:
    """Starts the process that children are copied from, so that the first copy need not wait for its imports."""
    if sys.platform == "linux":
        _Copy()
        ensure_running()


def _start_child(log: int) -> None:
    """Sends what the child prints, native code included, to the file descriptor `log`."""
    for stream in (sys.stdout, sys.stderr):
        os.dup2(log, stream.fileno())
    os.close(log)
    logging.disable(logging.WARNING)  # libraries warn of missing CUDA kernels and of experimental interfaces
    warnings.simplefilter("ignore")
    threading.Thread(target=_end_with_the_parent, daemon=True).start()


def _end_with_the_parent() -> None:
    """Ends the child if its parent is killed: otherwise the child would wait forever for its next call."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


class IsolatedProcess:
    """A context manager for one child process that runs one function after another. It ends with its parent.

    Args:
        limit_s: The time limit of each call in seconds, None for no limit. It may be changed between calls.
        copied: On Linux, copies a process that has imported torch, ExecuTorch and PESTO. It takes milliseconds instead
            of seconds, but its memory includes all of them. False starts a new Python.
    """

    def __init__(self, limit_s: float | None = None, copied: bool = False) -> None:
        self.limit_s, self._copied = limit_s, copied

    def __enter__(self) -> Self:
        self._log = tempfile.TemporaryFile(prefix="workbench-")
        initializer = cast(Callable[[], None], _start_child)  # its argument arrives as a file descriptor
        arguments = cast(tuple[()], (InheritedFile(self._log),))
        context = _Copy() if self._copied else _NewPython()
        self._pool = ProcessPoolExecutor(1, context, initializer, arguments)
        self._pool.submit(os.getpid)  # starts the process
        self._process = context.process
        self._is_busy = False
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_busy:  # the call was interrupted, and its result is not needed
            self._process.kill()
        self._pool.shutdown(cancel_futures=True)
        self._log.close()

    def kill(self) -> None:
        """Ends the child at once, whatever it does. A call that runs in another thread raises WorkerKilledError."""
        self._process.kill()

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Calls a function in the child. The function and its arguments must pickle.

        Returns:
            What the function returns.

        Raises:
            ProgramCrashError: The process died.
            ProgramTimeoutError: The function did not return within `limit_s`.
            WorkerKilledError: The process was killed from outside or had no memory.
            Exception: Whatever the function raises.
        """
        try:
            self._is_busy = True
            future: Future[T] = self._pool.submit(function, *args, **kwargs)
            wait([future], self.limit_s)
            self._is_busy = not future.done()
            if self._is_busy:
                self._process.kill()
                raise ProgramTimeoutError(
                    f"the program did not return within {self.limit_s:g} s{self._last_stderr_line()}"
                )
            return future.result()
        except BrokenProcessPool as error:
            self._pool.shutdown()
            self._is_busy = False
            exit_code = self._process.exitcode
            out_of_memory = any(text in line for line in self._stderr_lines() for text in _OUT_OF_MEMORY_TEXTS)
            if exit_code in EXIT_CODES_FROM_OUTSIDE or out_of_memory:
                raise WorkerKilledError(
                    "the worker process was killed (signal, resource limit or out of memory); free some memory and run "
                    "again"
                ) from error
            raise ProgramCrashError(f"the program crashed the runtime{self._last_stderr_line()}") from error

    def start(self, worker: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Worker[T]":
        """Creates an object in the child process, which keeps it. The arguments must pickle; the object need not.

        Returns:
            A handle that calls the object's methods. It lasts as long as the process.
        """
        return Worker(self, self.call(_create, worker, args, kwargs))

    def _last_stderr_line(self) -> str:
        errors = [line for line in self._stderr_lines() if "cpuinfo" not in line]
        return f" (last stderr line: {errors[-1]})" if errors else ""

    def _stderr_lines(self) -> list[str]:
        self._log.seek(0)
        return [line.strip() for line in self._log.read().decode(errors="replace").splitlines() if line.strip()]


_objects: list[Any] = []  # in the child: what `start` has created there


def _create(worker: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
    _objects.append(worker(*args, **kwargs))
    return len(_objects) - 1


def _call_method(index: int, method: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return method(_objects[index], *args, **kwargs)


class Worker(Generic[T]):
    """A handle on an object that lives in an `IsolatedProcess`, for example sessions that stay open between calls."""

    def __init__(self, process: IsolatedProcess, index: int) -> None:
        self._process, self._index = process, index

    def call(self, method: Callable[Concatenate[T, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Calls a method of the object's class, for example `worker.call(Stream.next, 10)`. Raises as the process."""
        result: R = self._process.call(_call_method, self._index, method, args, kwargs)
        return result
