"""Progress of long work: the library reports it, the command line shows it, and other callers can ignore it."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Progress:
    """Receives the stages of some work. This class shows nothing; a subclass overrides `report`."""

    def report(self, stage: str, done: int, total: int) -> None:
        """Called when `done` of `total` steps of a stage are finished. The first report of a stage starts it."""

    def child(self, prefix: str) -> "Progress":
        """Returns a progress whose stages are reported here as `<prefix>: <stage>`."""
        return _Prefixed(self, prefix)

    @contextmanager
    def stage(self, name: str, total: int = 1) -> "Iterator[Callable[[int], None]]":
        """Reports the start of a stage on entry and its end on exit. Yields `advance(steps)`."""
        done = 0

        def advance(steps: int = 1) -> None:
            nonlocal done
            done += steps
            self.report(name, done, total)

        self.report(name, 0, total)
        yield advance
        self.report(name, total, total)


class _Prefixed(Progress):
    def __init__(self, parent: Progress, prefix: str) -> None:
        self._parent, self._prefix = parent, prefix

    def report(self, stage: str, done: int, total: int) -> None:
        self._parent.report(f"{self._prefix}: {stage}", done, total)


class ShowProgress(Protocol):
    """Opens the display of one part of the work under a title, such as one variant of a run."""

    def __call__(self, title: str, /) -> AbstractContextManager[Progress]: ...


class StageTimer:
    """Collects how long each stage of some work took. `seconds` holds the finished stages."""

    def __init__(self, seconds: Mapping[str, float] | None = None) -> None:
        self.seconds = dict(seconds or {})

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Times a stage. A stage that raises is not recorded."""
        started_at = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - started_at
