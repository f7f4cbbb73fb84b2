"""Tables and cells of the generated pages."""

from collections.abc import Iterable, Sequence

from workbench.report.formatting import markdown_table


def table(rows: Iterable[Sequence[str]], columns: Sequence[str]) -> str:
    """Returns a Markdown table of text; all columns are aligned to the left."""
    return markdown_table([dict(zip(columns, row, strict=True)) for row in rows], left=columns)


def escaped(text: str) -> str:
    """Returns text as a cell of a table: on one line, with no cell border and no HTML."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
