"""The console and the kind of table that every command prints."""

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

Cell = str | Text
_COLORS = {
    **{"pass": "green", "fail": "red", "inconclusive": "yellow"},  # verdicts
    **{"failed": "red", "refused": "bright_black"},  # points of a sweep
    **{"faster": "green", "slower": "yellow", "wrong": "red", "baseline": "white"},  # claims of a bench
}


def console(width: int = 200) -> Console:
    """Returns a console on stdout: as wide as the terminal, or `width` characters if stdout is a file or a pipe."""
    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else width, highlight=False)


def plain_table(rows: Sequence[Mapping[str, Cell]], left: Collection[str] = ()) -> Table:
    """Returns a table without a frame.

    Args:
        rows: All with the same columns in the same order. Text is shown as it is, never as markup.
        left: The columns that are aligned to the left; the others are aligned to the right. The first column is never
            cut.
    """
    table = Table(box=None, header_style="bold", pad_edge=False)
    for number, column in enumerate(rows[0] if rows else ()):
        table.add_column(column, justify="left" if column in left else "right", no_wrap=number == 0)
    for row in rows:
        table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row.values()))
    return table


def colored(rows: Sequence[Mapping[str, str]], column: str) -> list[dict[str, Cell]]:
    """Returns the rows with one column in color: verdicts, statuses of points, or claims, by their first word."""
    return [{**row, column: Text(row[column], _COLORS[row[column].split()[0]])} for row in rows]


def print_heading(output: Console, text: str) -> None:
    """Prints a bold line; markup in it is shown as it is."""
    output.print(text, style="bold", markup=False)


def print_lines(output: Console, lines: Iterable[str], indent: int = 2) -> None:
    """Prints lines that a terminal may wrap and a file does not; markup in them is shown as it is."""
    for line in lines:
        output.print(" " * indent + line, markup=False, soft_wrap=True)
