"""What several commands print."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pydantic import BaseModel


def print_json(folder: Path, record: "BaseModel") -> None:
    """A record and the folder that it lies in, as one line of JSON."""
    click.echo(json.dumps({"folder": str(folder), **record.model_dump(mode="json")}, allow_nan=False))
