"""Reads text files of numbers in columns, in the forms that people write: the rows, and the words of the header."""

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.errors import AudioError, quote_value

EXPECTED = "write time,frequency in seconds and hertz"
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True)
class Table:
    """The numbers of a file.

    Attributes:
        path: The file.
        values: (rows, columns) float64, as they are in the file.
        lines: The line of each row, from 1.
        header: The words in the name of each column, lower case: "time_ms" is {time, ms}. Empty without a header.
        header_line: The line of the header.
        decimal_comma: Whether a comma stands for the decimal point.
    """

    path: Path
    values: NDArray[np.float64]
    lines: tuple[int, ...]
    header: tuple[frozenset[str], ...]
    header_line: int
    decimal_comma: bool

    def where(self, row: int) -> str:
        """Returns the file and the line of a row, for a message."""
        return f"{self.path}:{self.lines[row]}"

    def words(self, column: int) -> frozenset[str]:
        """Returns the words in the name of a column; none if it has no name."""
        return self.header[column] if column < len(self.header) else frozenset()


def read_table(path: Path, columns: tuple[int, ...]) -> Table:
    """Reads rows of numbers that are separated by semicolons, tabs, commas or spaces.

    Lines that begin with `#` are comments. The last line before the first row is the header, also if it is a comment.

    Args:
        path: The file, in UTF-8, or in UTF-16 with a byte-order mark.
        columns: The numbers of columns that a file may have.

    Raises:
        AudioError: The file cannot be read, has no rows, or a row is wrong; the message names the first such line.
    """
    lines = _read_lines(path)
    first_row = next((number for number, line in lines if not _is_comment(line) and _has_number(line)), None)
    if first_row is None:
        raise AudioError(f"{path}: has no rows of time and frequency; write them or delete the file")
    before = [(number, line) for number, line in lines if number < first_row]
    unexpected = [number for number, line in before[:-1] if not _is_comment(line)]
    if unexpected:
        raise AudioError(f"{path}:{unexpected[0]}: is neither a row nor the header; begin a comment with #")
    rows = [(number, line) for number, line in lines if number >= first_row and not _is_comment(line)]
    separator = _separator(rows[0][1])
    cells = [_cells(line, separator) for _, line in rows]
    count = len(cells[0])
    allowed = " or ".join(map(str, columns))
    for (line_number, _), row in zip(rows, cells, strict=True):
        if len(row) not in columns or len(row) != count:
            expected = f"{count} columns as in the first row" if count in columns else f"{allowed} columns"
            raise AudioError(f"{path}:{line_number}: expected {expected}, got {len(row)}; {EXPECTED}")
    decimal_comma = separator != "," and any(re.fullmatch(r"[+-]?\d+,\d+", cell) for row in cells for cell in row)
    values = np.empty((len(rows), count))
    for index, ((line_number, _), row) in enumerate(zip(rows, cells, strict=True)):
        for column, cell in enumerate(row):
            number = cell.replace(",", ".") if decimal_comma else cell
            if not _is_number(number):
                raise AudioError(f"{path}:{line_number}: {quote_value(cell)} is not a number; {EXPECTED}")
            values[index, column] = float(number)
    header_line, header = before[-1] if before else (0, "")
    line_numbers = tuple(number for number, _ in rows)
    return Table(path, values, line_numbers, _header_words(header, separator), header_line, decimal_comma)


def _read_lines(path: Path) -> list[tuple[int, str]]:
    """Returns the lines that are not blank, each with its number from 1."""
    try:
        content = path.read_bytes()
        text = content.decode("utf-16" if content.startswith(_UTF16_MARKS) else "utf-8-sig")
    except UnicodeDecodeError:
        raise AudioError(f"{path}: is not a text file; export it as CSV in UTF-8") from None
    except OSError as error:
        raise AudioError(f"{path}: cannot be opened ({error.strerror}); check its permissions") from None
    lines = enumerate(re.split(r"\r\n|\r|\n", text), 1)
    return [(number, line.strip()) for number, line in lines if line.strip(' \t,;"')]


def _is_comment(line: str) -> bool:
    return line.startswith("#")


def _separator(line: str) -> str:
    """Returns the separator of a row. A comma beside a semicolon or a tab is a decimal comma."""
    return next((mark for mark in (";", "\t", ",") if mark in line), " ")


def _cells(line: str, separator: str) -> list[str]:
    cells = line.split() if separator == " " else line.split(separator)
    return [cell.strip().strip('"').strip() for cell in cells]


def _header_words(line: str, separator: str) -> tuple[frozenset[str], ...]:
    named = re.sub(r"\s+([(\[])", r"\1", line.lstrip("#% "))  # "time (s)" is the name of one column
    return tuple(frozenset(re.findall(r"[a-z]+0?", name.lower())) for name in _cells(named, separator) if name)


def _has_number(line: str) -> bool:
    return any(_is_number(cell.strip('"')) for cell in re.split(r"[;,\s]+", line))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # Python reads "1_0" as 10
