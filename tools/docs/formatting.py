"""Tables and cells of the generated pages."""

from collections.abc import Iterable, Sequence


def table(rows: Iterable[Sequence[str]], columns: Sequence[str]) -> str:
    """Returns a Markdown table of text; all columns are aligned to the left."""
    lines = [columns, [":--"] * len(columns), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def escaped(text: str) -> str:
    """Returns text as a cell of a table: on one line, with no cell border and no HTML."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
