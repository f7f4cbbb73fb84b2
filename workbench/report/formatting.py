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
