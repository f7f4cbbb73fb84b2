"""What several commands leave and print."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pydantic import BaseModel

    from workbench.record_model import RecordModel


def store(record: "RecordModel", path: Path) -> None:
    """Write a record, and tell where an earlier one of other things is kept."""
    from workbench.storage.json_files import replace_json

    kept = replace_json(record, path)
    if kept:
        click.echo(f"the earlier record is kept as {kept.name}", err=True)


def print_json(folder: Path, record: "BaseModel") -> None:
    """A record and the folder that it lies in, as one line of JSON."""
    click.echo(json.dumps({"folder": str(folder), **record.model_dump(mode="json")}, allow_nan=False))
