"""Output that several commands share: JSON lines, and a note about an earlier result."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pydantic import BaseModel

    from workbench.record_model import RecordModel


def store(record: "RecordModel", path: Path) -> None:
    """Writes a result. Prints the new name of an earlier result in the same place that is not part of this one."""
    from workbench.storage.json_files import replace_json

    archived = replace_json(record, path)
    if archived:
        click.echo(f"the earlier result was renamed to {archived.name}", err=True)


def print_json(folder: Path, record: "BaseModel") -> None:
    """Prints a result and its folder as one line of JSON."""
    click.echo(json.dumps({"folder": str(folder), **record.model_dump(mode="json")}, allow_nan=False))
