"""How far the work is: on stderr, so that stdout holds results alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from workbench.progress import Progress


@contextmanager
def progress_shown(title: str = "") -> Iterator[Progress]:
    """Bars on a terminal, a line for each stage elsewhere; always on stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as RichProgress

    console = Console(stderr=True)
    prefix = f"{title}: " if title else ""
    if not console.is_terminal:
        seen = set()

        class Lines(Progress):
            def report(self, stage: str, done: int, total: int) -> None:
                if stage not in seen:
                    seen.add(stage)
                    click.echo(f"{prefix}{stage}", err=True)

        yield Lines()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with RichProgress(*columns, console=console) as bars:
        tasks: dict[str, Any] = {}

        class Bars(Progress):
            def report(self, stage: str, done: int, total: int) -> None:
                if stage not in tasks:
                    tasks[stage] = bars.add_task(prefix + stage, total=total)
                bars.update(tasks[stage], completed=done, total=total)

        yield Bars()
