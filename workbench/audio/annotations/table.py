"""Reads text files of numbers in columns, in the forms that people write: the rows, and the words of the header."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.errors import AudioError, quote_value

EXPECTED = "write time,frequency in seconds and hertz"
LABEL_WORDS = frozenset({"label", "labels", "text", "comment"})
_NO_NUMBER = ("--undefined--", "na", "n/a")  # of Praat and R; "nan" is a number to Python
_LABELED_COLUMNS = 2  # the columns before a label, which some rows may lack


@dataclass(frozen=True)
class Table:
    """The numbers of a file.

    Attributes:
        path: The file.
        values: (rows, columns) float64, as they are in the file.
        lines: The line of each row, from 1.
        header: The words in the name of each column, lower case: "time_ms" is {time, ms}. Empty without a header.
        header_line: The line of the header.
        header_is_comment: Whether the header begins with "#".
        comments: The comments before the first row that have the form "# key: value".
        decimal_comma: Whether a comma stands for the decimal point.
        labels: The number of labels in a third column, which is not in `values`.
    """

    path: Path
    values: NDArray[np.float64]
    lines: tuple[int, ...]
    header: tuple[frozenset[str], ...]
    header_line: int
    header_is_comment: bool
    comments: dict[str, str]
    decimal_comma: bool
    labels: int

    def where(self, row: int) -> str:
        """Returns the file and the line of a row, for a message."""
        return f"{self.path}:{self.lines[row]}"

    def words(self, column: int) -> frozenset[str]:
        """Returns the words in the name of a column; none if it has no name."""
        return self.header[column] if column < len(self.header) else frozenset()


def read_table(path: Path, text: str, columns: tuple[int, ...]) -> Table:
    """Reads rows of numbers that are separated by semicolons, tabs, commas or spaces.

    Lines that begin with `#` are comments. The last line before the first row is the header, also if it is a comment.

    Args:
        path: The file, for messages.
        text: Its text.
        columns: The numbers of columns that a file may have, without a label.

    Raises:
        AudioError: The text has no rows, or a row is wrong; the message names the first such line.
    """
    lines = [(n, line.strip()) for n, line in enumerate(re.split(r"\r\n|\r|\n", text), 1) if line.strip(' \t,;"')]
    first_row = next((number for number, line in lines if not _is_comment(line) and _has_number(line)), None)
    if first_row is None:
        raise AudioError(f"{path}: has no rows of time and frequency; write them or delete the file")
    before = [(number, line) for number, line in lines if number < first_row]
    unexpected = [number for number, line in before[:-1] if not _is_comment(line)]
    if unexpected:
        raise AudioError(f"{path}:{unexpected[0]}: is neither a row nor the header; begin a comment with #")
    rows = [(number, line) for number, line in lines if number >= first_row and not _is_comment(line)]
    numbers = tuple(number for number, _ in rows)
    separator = _separator(rows[0][1], columns)
    cells = [_cells(path, number, line, separator) for number, line in rows]
    header_line, header_text = before[-1] if before else (0, "")
    header = _header_words(path, header_line, header_text, separator, columns)
    labels = _take_labels(cells, header)
    _check_counts(path, numbers, cells, columns)
    decimal_comma = separator != "," and any(re.fullmatch(r"[+-]?\d+,\d+", cell) for row in cells for cell in row)
    values = np.empty((len(rows), len(cells[0])))
    for index, row in enumerate(cells):
        for column, cell in enumerate(row):
            if decimal_comma and "." in cell:
                raise AudioError(
                    f"{path}:{numbers[index]}: has a decimal point, but other rows a comma; use one of them"
                )
            number = _number(cell.replace(",", ".") if decimal_comma else cell)
            if number is None:
                raise AudioError(f"{path}:{numbers[index]}: {quote_value(cell)} is not a number; {EXPECTED}")
            values[index, column] = number
    return Table(
        path=path,
        values=values,
        lines=numbers,
        header=header,
        header_line=header_line,
        header_is_comment=_is_comment(header_text),
        comments=_key_values([line for _, line in before]),
        decimal_comma=decimal_comma,
        labels=labels,
    )


def _is_comment(line: str) -> bool:
    return line.startswith("#")


def _key_values(lines: Sequence[str]) -> dict[str, str]:
    found = [re.fullmatch(r"#\s*(\w+):\s*(.*)", line) for line in lines]
    return {match[1].lower(): match[2].strip() for match in found if match}


def _separator(line: str, columns: tuple[int, ...]) -> str:
    """Returns the separator of a row. A comma beside another separator is a decimal comma."""
    words = line.split()
    if len(words) in columns and all(re.fullmatch(r"[^,;]+,[^,;]+|[^,;]+", word) for word in words):
        return " " if "\t" not in line else "\t"
    return next((mark for mark in (";", "\t", ",") if mark in line), " ")


def _cells(path: Path, number: int, line: str, separator: str) -> list[str]:
    """Returns the cells of a line. A separator in quotes does not separate."""
    try:
        cells = (
            line.split() if separator == " " else next(csv.reader([line], delimiter=separator, skipinitialspace=True))
        )
    except csv.Error as error:
        raise AudioError(f"{path}:{number}: cannot be read ({error}); {EXPECTED}") from None
    return [cell.strip().strip('"').strip() for cell in cells]


def _header_words(
    path: Path, number: int, line: str, separator: str, columns: tuple[int, ...]
) -> tuple[frozenset[str], ...]:
    """Returns the words of each name. A header may have another separator than the rows."""
    named = re.sub(r"\s+([(\[])", r"\1", line.lstrip("#% "))  # "time (s)" is the name of one column
    names = [name for name in _cells(path, number, named, separator) if name]
    if len(names) not in columns and named:
        names = [name for name in _cells(path, number, named, _separator(named, columns)) if name]
    return tuple(frozenset(re.findall(r"[a-z]+0?", name.lower())) for name in names)


def _take_labels(cells: list[list[str]], header: tuple[frozenset[str], ...]) -> int:
    """Removes a third column of labels, as Sonic Visualiser exports it. Returns the number of rows that had one."""
    named = len(header) > _LABELED_COLUMNS and bool(header[_LABELED_COLUMNS] & LABEL_WORDS)
    thirds = [row[_LABELED_COLUMNS] for row in cells if len(row) == _LABELED_COLUMNS + 1]
    if not thirds or not (named or all(_number(each.replace(",", ".")) is None for each in thirds)):
        return 0
    for row in cells:
        if len(row) == _LABELED_COLUMNS + 1:
            row.pop()
    return len(thirds)


def _check_counts(path: Path, numbers: Sequence[int], cells: Sequence[Sequence[str]], columns: tuple[int, ...]) -> None:
    """Raises AudioError if a row has another number of cells than allowed, or than the first."""
    count, allowed = len(cells[0]), " or ".join(map(str, columns))
    for number, row in zip(numbers, cells, strict=True):
        if len(row) not in columns or len(row) != count:
            expected = f"{count} columns as in the first row" if count in columns else f"{allowed} columns"
            raise AudioError(f"{path}:{number}: expected {expected}, got {len(row)}; {EXPECTED}")


def _has_number(line: str) -> bool:
    cells = re.split(r"[;,\t]", line) if re.search(r"[;,\t]", line) else line.split()
    return any(_number(cell.strip('" ')) is not None for cell in cells)


def _number(cell: str) -> float | None:
    """Returns the number in a cell, NaN if it says that there is none, or None if it is something else."""
    if cell.lower() in _NO_NUMBER:
        return float("nan")
    try:
        return None if "_" in cell else float(cell)  # Python reads "1_0" as 10
    except ValueError:
        return None
