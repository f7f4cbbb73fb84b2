"""Processes that run tasks at the same time, on this machine."""

import queue
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager, ExitStack, contextmanager
from types import TracebackType
from typing import ParamSpec, Protocol, Self, TypeVar

from workbench.errors import ProgramCrashError, WorkbenchError, WorkerKilledError
from workbench.runtime.isolation import IsolatedProcess

P = ParamSpec("P")
T = TypeVar("T")
K = TypeVar("K")


class Workers(Protocol):
    """Processes that run tasks. Several threads may call at the same time."""

    @property
    def count(self) -> int:
        """How many tasks run at the same time."""

    @property
    def share_caches(self) -> bool:
        """Whether they use the caches of this process."""

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Calls a function in a process that is free, or waits for one. The function and its arguments must pickle.

        Raises:
            WorkerKilledError: The process was killed. The next call has another one.
            ProgramCrashError: The process crashed. The next call has another one.
            Exception: Whatever the function raises.
        """

    def kill(self) -> None:
        """Ends all tasks at once. A call that runs in another thread raises WorkerKilledError."""


class LocalWorkers:
    """A context manager for children of this process. Each starts when it is first needed.

    Args:
        count: How many.
    """

    share_caches = True

    def __init__(self, count: int) -> None:
        self.count = count
        self._free: queue.SimpleQueue[IsolatedProcess | None] = queue.SimpleQueue()
        for _ in range(count):
            self._free.put(None)
        self._children: dict[IsolatedProcess, ExitStack] = {}
        self._ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and not isinstance(error, SystemExit):  # a command ends with SystemExit
            self.kill()
        for stack in self._children.values():
            stack.close()

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Calls a function in a child; see `Workers`."""
        child = self._free.get()
        try:
            if self._ended:
                raise WorkerKilledError("the workers were ended")
            child = child or self._start()
            if self._ended:  # while it started
                child.kill()
            return child.call(function, *args, **kwargs)
        except (WorkerKilledError, ProgramCrashError):
            if child is not None and not self._ended:
                self._children.pop(child).close()
            child = None
            raise
        finally:
            self._free.put(child)

    def kill(self) -> None:
        """Ends all tasks at once; see `Workers`."""
        self._ended = True
        for child in list(self._children):
            child.kill()

    def _start(self) -> IsolatedProcess:
        stack = ExitStack()
        child = stack.enter_context(IsolatedProcess(copied=True))
        self._children[child] = stack
        return child


@contextmanager
def open_workers(jobs: int, scheduler: str | None = None) -> Iterator[Workers | None]:
    """Opens `jobs` workers on this machine, or those of a Dask cluster. None if this process does all the work.

    Raises:
        NotInstalledError: A cluster is named, and the extra `cluster` is missing.
        WorkbenchError: The cluster cannot be reached, or has no workers.
    """
    workers: AbstractContextManager[Workers]
    if scheduler is not None:
        from workbench.workflows.jobs.cluster import ClusterWorkers

        workers = ClusterWorkers(scheduler)
    elif jobs > 1:
        workers = LocalWorkers(jobs)
    else:
        yield None
        return
    with workers as opened:
        yield opened


def results_of(workers: Workers, tasks: Mapping[K, Callable[[], T]]) -> Iterator[tuple[K, T | WorkbenchError]]:
    """Runs tasks, as many at a time as there are workers, and yields each result as it comes.

    Args:
        workers: The workers that the tasks call.
        tasks: Each calls a worker.

    Yields:
        The key of a task, and its result or the WorkbenchError that it raised.
    """
    with ThreadPoolExecutor(max(1, workers.count)) as threads:
        futures = {threads.submit(task): key for key, task in tasks.items()}
        try:
            for future in as_completed(futures):
                try:
                    yield futures[future], future.result()
                except WorkbenchError as error:
                    yield futures[future], error
        except BaseException:
            for future in futures:
                future.cancel()
            workers.kill()
            raise
