"""Numbers, counts and tables as text."""

from collections.abc import Collection, Mapping, Sequence

DASH = "–"
_TEXT_COLUMNS = ("variant", "verdict", "contender", "claim")


def format_number(value: float | None, spec: str) -> str:
    """Returns the number by a format specification such as ".2f", or a dash if there is none."""
    return DASH if value is None else format(value, spec)


def counted(count: int, noun: str) -> str:
    """Returns a count with its noun: "1 thread", "2 threads"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def markdown_table(rows: Sequence[Mapping[str, str]], left: Collection[str] = _TEXT_COLUMNS) -> str:
    """Returns rows as a table in Markdown.

    Args:
        rows: At least one, all with the same columns in the same order.
        left: The columns that are aligned to the left; the others are aligned to the right.
    """
    columns = list(rows[0])
    rule = [":--" if column in left else "--:" for column in columns]
    lines = [columns, rule, *([row[column] for column in columns] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def percent_text(share: float, interval: tuple[float, float] | None = None, unit: str = "") -> str:
    """Returns a share in percent, with its interval if there is one: "97.5 % (96.0 to 98.1)" with the unit " %"."""
    return f"{100 * share:.1f}{unit}{_in_brackets(interval and [f'{100 * end:.1f}' for end in interval])}"


def points_text(change: float, interval: tuple[float, float] | None = None, unit: str = "") -> str:
    """Returns the change of a share in percentage points, with its sign: "−0.5 (−0.9 to 0.0)"."""
    return f"{_signed(change)}{unit}{_in_brackets(interval and [_signed(end) for end in interval])}"


def _in_brackets(ends: Sequence[str] | None) -> str:
    return "" if ends is None else f" ({' to '.join(ends)})"


def _signed(change: float) -> str:
    return f"{100 * change + 0.0:+.1f}".replace("-", "−").replace("+0.0", "0.0").replace("−0.0", "0.0")
