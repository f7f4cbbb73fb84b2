"""Work in a process of its own: a program that crashes the runtime takes the child down and not the workbench, thread
counts can be fixed before anything is loaded, and memory is measured on nothing but the work."""

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
from multiprocessing.reduction import DupFd
from types import TracebackType
from typing import IO, Any, Concatenate, Generic, ParamSpec, Self, TypeVar, cast

from workbench.errors import ProgramError, WorkbenchError

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")

_SENT = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_LIMITS = (signal.SIGXCPU, signal.SIGBUS)  # of its time, and of what backs the files that it has mapped
_FROM_OUTSIDE = (None, *(-by for by in (*_SENT, *_LIMITS)))
"""How a process ends, or does not tell how, that another or the machine has ended."""
_NO_MEMORY = ("bad_alloc", "MemoryError", "failed to map segment", "Cannot allocate memory")
"""What C++ says before it aborts, and Python and the loader where the process ends before it is at work."""


def silence_library_warnings() -> None:
    """Keep the libraries' own warnings off the screen: missing CUDA kernels, experimental interfaces."""
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")


class _InheritedFile:
    """An open file that a new process gets: it needs no name, and so is gone with the last who has it open."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Callable[[Any], int], tuple[Any]]:
        return _detached, (DupFd(self.file.fileno()),)


def _detached(handed: Any) -> int:
    return int(handed.detach())


def _start(log: int) -> None:
    """In the child: native code writes its log to stderr, which goes to a file."""
    os.dup2(log, sys.stderr.fileno())
    os.close(log)
    silence_library_warnings()
    threading.Thread(target=_end_with_the_parent, daemon=True).start()


def _end_with_the_parent() -> None:
    """Or a parent that was killed would leave this process waiting for its next call for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


class IsolatedProcess:
    """A process that runs one function after another, as a context manager. It ends with its parent, however that ends.

    `call` returns what the function returns, raises what it raises, and raises ProgramError where the process dies or,
    with `limit_s`, does not answer in time. A process that was killed from outside, or ended for want of memory, tells
    nothing of the program, and so is a plain WorkbenchError. Functions and arguments must pickle.
    """

    def __init__(self, limit_s: float | None = None) -> None:
        self.limit_s = limit_s

    def __enter__(self) -> Self:
        self._log = tempfile.TemporaryFile(prefix="workbench-")
        earlier = set(multiprocessing.active_children())
        start = cast(Callable[[], None], _start)  # whose argument arrives as a number
        handed = cast(tuple[()], (_InheritedFile(self._log),))
        self._pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), start, handed)
        self._pool.submit(os.getpid)  # starts it
        (self._process,) = set(multiprocessing.active_children()) - earlier
        self._at_work = False
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._at_work:  # interrupted: nobody waits for the answer
            self._process.kill()
        self._pool.shutdown(cancel_futures=True)
        self._log.close()

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            self._at_work = True
            future: Future[T] = self._pool.submit(function, *args, **kwargs)
            wait([future], self.limit_s)
            self._at_work = not future.done()
            if self._at_work:
                self._process.kill()
                raise ProgramError(f"the program gave no answer within {self.limit_s:g} s{self._last_stderr_line()}")
            return future.result()
        except BrokenProcessPool as error:
            self._pool.shutdown()
            self._at_work = False
            ended = self._process.exitcode
            wanted_memory = any(words in line for line in self._said() for words in _NO_MEMORY)
            if ended in _FROM_OUTSIDE or wanted_memory:
                raise WorkbenchError(
                    "the process that ran a program was killed, by hand, by a limit or for want of memory; run it "
                    "again, with more memory free"
                ) from error
            raise ProgramError(f"the program crashed the runtime{self._last_stderr_line()}") from error

    def start(self, worker: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Worker[T]":
        """Creates an object in the process, which keeps it. Its arguments must pickle, the object need not.

        Returns:
            A handle that calls the object's methods. It lasts as long as the process.
        """
        return Worker(self, self.call(_create, worker, args, kwargs))

    def _last_stderr_line(self) -> str:
        errors = [line for line in self._said() if "cpuinfo" not in line]
        return f" (it last said: {errors[-1]})" if errors else ""

    def _said(self) -> list[str]:
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
