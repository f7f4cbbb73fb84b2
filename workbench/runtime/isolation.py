"""Runs work in a child process.

A program that crashes its runtime ends the child and not the workbench, and the number of threads can be set before a
program is loaded. The memory of a new Python is that of the work only.
"""

import logging
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.process import BaseProcess
from pathlib import Path
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

_TEMPLATE_DIED = 255  # the exit code of a copy if the process that it was copied from does not know it any more
_KILLED = "the worker process was killed (signal, resource limit or out of memory); free some memory and run again"
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
    from multiprocessing.forkserver import ensure_running, set_forkserver_preload

    class _Copy(ForkServerContext):
        """Copies the process that has imported `template`, and keeps the copy."""

        process: BaseProcess

        def Process(self, *args: Any, **kwargs: Any) -> ForkServerProcess:  # type: ignore[override]
            self.process = process = ForkServerProcess(*args, **kwargs)
            return process

else:  # Windows cannot copy a process, and libraries of macOS can fail in a copy
    _Copy = _NewPython


_starting = threading.Lock()


def start_template() -> bool:
    """Starts the process that children are copied from, if it is not there. The first copy waits for its imports.

    Returns:
        Whether there is one. This needs Linux, and a folder of temporary files that can have sockets.
    """
    if sys.platform == "linux":
        with _starting, _own_modules():
            set_forkserver_preload(["workbench.runtime.template"])
            try:
                ensure_running()
            except OSError:
                return False
            return True
    return False


@contextmanager
def _own_modules() -> Iterator[None]:
    """Lets a new Python find modules where this one does, and not in the folder in which it starts."""
    own = {"PYTHONSAFEPATH": "1", "PYTHONPATH": os.pathsep.join(str(Path(path).absolute()) for path in sys.path)}
    before = {name: os.environ.get(name) for name in own}
    os.environ.update(own)
    try:
        yield
    finally:
        for name, value in before.items():
            del os.environ[name]
            if value is not None:
                os.environ[name] = value


def _start_child(log: int, environment: Mapping[str, str]) -> None:
    """Sends what the child prints, native code included, to the file descriptor `log`.

    `environment` has the variables of the parent. Those of a copy are as old as the process that it was copied from.
    """
    os.environ.clear()
    os.environ.update(environment)
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
        copied: On Linux, copies a process that has imported torch, ExecuTorch and PESTO. The child imports none of them
            again, but its memory includes all. If the workbench is killed, a socket stays in the folder of temporary
            files. False starts a new Python.
    """

    def __init__(self, limit_s: float | None = None, copied: bool = False) -> None:
        self.limit_s, self._copied = limit_s, copied

    def __enter__(self) -> Self:
        """Starts the child. Raises WorkerKilledError if the process that it is copied from was killed."""
        self._log = tempfile.TemporaryFile(prefix="workbench-")
        initializer = cast(Callable[[], None], _start_child)  # its argument arrives as a file descriptor
        arguments = cast(tuple[()], (InheritedFile(self._log), dict(os.environ)))
        context = _Copy() if self._copied and start_template() else _NewPython()
        self._pool = ProcessPoolExecutor(1, context, initializer, arguments)
        try:
            self._pool.submit(os.getpid)  # starts the process
        except (EOFError, ConnectionError) as error:
            self._log.close()
            raise WorkerKilledError(_KILLED) from error
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
            from_outside = exit_code in EXIT_CODES_FROM_OUTSIDE or (self._copied and exit_code == _TEMPLATE_DIED)
            if from_outside or out_of_memory:
                raise WorkerKilledError(_KILLED) from error
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
