"""Progress on stderr. Stdout has results only."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import click

from workbench.cli._shared.notes import is_quiet
from workbench.progress import Progress


class _Lines(Progress):
    """Prints one line when a stage starts."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._started: set[str] = set()

    def report(self, stage: str, done: int, total: int) -> None:
        if stage not in self._started:
            self._started.add(stage)
            click.echo(f"{self._prefix}{stage}", err=True)


@contextmanager
def progress_shown(title: str = "") -> Iterator[Progress]:
    """Yields a progress that shows a bar for each stage on a terminal, and otherwise prints a line for each stage.

    With --quiet it shows nothing.
    """
    if is_quiet():
        yield Progress()
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TaskID,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as RichProgress

    console = Console(stderr=True)
    prefix = f"{title}: " if title else ""
    if not console.is_terminal:
        yield _Lines(prefix)
        return
    elapsed_and_left = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), *elapsed_and_left)
    with _own_stderr() as console.file, RichProgress(*columns, console=console) as bars:
        tasks: dict[str, TaskID] = {}

        class Bars(Progress):
            def report(self, stage: str, done: int, total: int) -> None:
                if stage not in tasks:
                    tasks[stage] = bars.add_task(prefix + stage, total=total)
                bars.update(tasks[stage], completed=done, total=total)

        yield Bars()


@contextmanager
def _own_stderr() -> Iterator[TextIO]:
    """Yields a stream to where stderr goes now. A thread draws the bars, also while an export redirects stderr."""
    try:
        copy = os.dup(sys.stderr.fileno())
    except OSError:  # a stream without a file descriptor, as in a test
        yield sys.stderr
        return
    with os.fdopen(copy, "w", encoding=sys.stderr.encoding, errors="replace") as stream:
        yield stream
