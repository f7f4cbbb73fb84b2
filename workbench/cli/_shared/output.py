"""Output that several commands share: JSON lines, and a note about an earlier result."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pydantic import BaseModel


def print_archived(archived: Path | None) -> None:
    """Prints the new name of an earlier result, if there was one."""
    if archived is not None:
        click.echo(f"the earlier record is kept as {archived.name}", err=True)


def print_json(folder: Path, result: "BaseModel") -> None:
    """Prints a result and its folder as one line of JSON."""
    click.echo(json.dumps({"folder": str(folder), **result.model_dump(mode="json")}, allow_nan=False))
