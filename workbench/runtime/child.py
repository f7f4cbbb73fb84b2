"""Work in a process of its own: a program that crashes the runtime takes the child down and not the workbench, thread
counts can be fixed before anything is loaded, and memory is measured on nothing but the work."""

import logging
import multiprocessing
import os
import sys
import tempfile
import warnings
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from workbench.errors import ProgramError

P = ParamSpec("P")
T = TypeVar("T")


def silence_libraries() -> None:
    """Keep the libraries' own warnings off the screen: missing CUDA kernels, experimental interfaces."""
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")


def _start(log: str) -> None:
    """In the child: native code writes its log to stderr, which goes to a file."""
    os.dup2(os.open(log, os.O_WRONLY | os.O_APPEND), sys.stderr.fileno())
    silence_libraries()


class Child:
    """A process that runs one function after another, as a context manager.

    `call` returns what the function returns, raises what it raises, and raises ProgramError where the process dies.
    Functions and arguments must pickle.
    """

    def __enter__(self) -> Self:
        handle, name = tempfile.mkstemp(prefix="workbench-", suffix=".log")
        os.close(handle)
        self._log = Path(name)
        self._pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _start, (name,))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._log.unlink(missing_ok=True)

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            future: Future[T] = self._pool.submit(function, *args, **kwargs)
            return future.result()
        except BrokenProcessPool as error:
            raise ProgramError(f"the program crashed the runtime{self._last_words()}") from error

    def _last_words(self) -> str:
        lines = [line.strip() for line in self._log.read_text(errors="replace").splitlines() if line.strip()]
        errors = [line for line in lines if "cpuinfo" not in line]
        return f" (it last said: {errors[-1]})" if errors else ""
