"""The workers of a Dask cluster. Each task runs in a new process of its worker's machine.

A worker's own process is not used: Dask lets it have no children, and a task sets the number of threads of torch.
Workers need this version of the workbench. They have their own caches, and no folder is shared: a result has the files.
"""

import logging
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from workbench.errors import NotInstalledError, ProgramCrashError, WorkbenchError, WorkerKilledError, first_line
from workbench.extras import CLUSTER

P = ParamSpec("P")
T = TypeVar("T")

_CONNECT_LIMIT_S = 5
_TASK_MODULE = "workbench.workflows.jobs.task"


class ClusterWorkers:
    """A context manager for the workers of a Dask cluster.

    Args:
        address: The address of the scheduler, such as tcp://192.168.1.5:8786.

    Raises:
        NotInstalledError: The extra `cluster` is missing.
        WorkbenchError: The scheduler cannot be reached, or has no workers.
    """

    share_caches = False

    def __init__(self, address: str) -> None:
        hint = CLUSTER.missing_hint()
        if hint:
            raise NotInstalledError(hint)
        from distributed import Client

        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        try:
            self._client = Client(address, timeout=_CONNECT_LIMIT_S, set_as_default=False)
        except (OSError, ValueError, TypeError, RuntimeError) as error:
            reason = " ".join(str(first_line(error)).split())
            raise WorkbenchError(
                f"--scheduler {address}: cannot be reached ({reason}); check the address that `dask scheduler` printed"
            ) from error
        self.count = sum(self._client.nthreads().values())
        if self.count == 0:
            self._client.close()
            raise WorkbenchError(f"--scheduler {address}: has no workers; start some with `dask worker {address}`")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Calls a function on a worker; see `Workers`. Dask gives the task of a dead worker to another one."""
        from distributed import CancelledError, KilledWorker

        task = pickle.dumps((function, args, kwargs))
        try:
            outcome = self._client.submit(run_in_new_process, task, pure=False).result()
        except (CancelledError, KilledWorker, OSError) as error:
            raise WorkerKilledError(f"a worker of the cluster was lost ({first_line(error)})") from error
        result, raised = pickle.loads(outcome)
        if raised is not None:
            raise raised
        return result  # type: ignore[no-any-return]

    def kill(self) -> None:
        """Cancels all tasks; see `Workers`."""
        with suppress(Exception):
            self._client.cancel(list(self._client.futures), force=True)


def run_in_new_process(task: bytes) -> bytes:
    """Runs a pickled task in a new process, which ends with this one. Returns the pickled result and error.

    Raises:
        WorkerKilledError: The process was killed.
        ProgramCrashError: It crashed.
    """
    with tempfile.TemporaryDirectory(prefix="workbench-") as folder, tempfile.TemporaryFile() as log:
        paths = [Path(folder) / name for name in ("task", "outcome")]
        paths[0].write_bytes(task)
        words = [sys.executable, "-m", _TASK_MODULE, *map(str, paths)]
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=log, stderr=log)
        try:
            code = process.wait()
        finally:
            process.kill()
            process.communicate()
        if code == 0:
            return paths[1].read_bytes()
        log.seek(0)
        lines = log.read().decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        if code < 0:
            raise WorkerKilledError(f"the process of a task was killed by signal {-code}")
        raise ProgramCrashError(f"the process of a task ended with {code} ({last})")


def run_task(task: Path, outcome: Path) -> None:
    """Runs the pickled task in one file, and pickles its result and its error to another."""
    function, args, kwargs = pickle.loads(task.read_bytes())
    result: Any = None
    raised: Exception | None = None
    try:
        result = function(*args, **kwargs)
    except Exception as error:
        raised = error
    outcome.write_bytes(pickle.dumps((result, raised)))
