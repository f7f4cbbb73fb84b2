"""Output that several commands share: results as a table or as JSON lines, and notes about earlier results."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workbench.cli._shared.notes import note

if TYPE_CHECKING:
    from pydantic import BaseModel

    from workbench.audio.clip_catalog import ClipCatalog
    from workbench.records.result import Result


def print_archived(archived: Path | None, prefix: str = "") -> None:
    """Prints the new name of an earlier result, if there was one."""
    if archived is not None:
        note(f"{prefix}the earlier result was renamed to {archived.name}")


def print_json(folder: Path, result: "BaseModel") -> None:
    """Prints a result and its folder as one line of JSON."""
    print_object(folder=str(folder), **result.model_dump(mode="json"))


def print_object(**values: object) -> None:
    """Prints values as one line of JSON."""
    click.echo(json.dumps(values, allow_nan=False))


def print_run(folder: Path, results: "Sequence[tuple[Result, Path]]", catalog: "ClipCatalog", as_json: bool) -> None:
    """Writes the page of a run, then prints its results.

    The page comes first, so it exists even if the reader of the output leaves early.

    Args:
        folder: The folder of the run. Earlier results in it are on the page too.
        results: The results of this command with their folders.
        catalog: The clips, for the audio on the page.
        as_json: Prints one line of JSON per result instead of a table.
    """
    from workbench.report.tables.results import print_results
    from workbench.workflows.run import write_run_report

    report = write_run_report(folder, results, catalog)
    for line in report.left_out:
        note(f"left out of the report: {line}")
    if as_json:
        for result, variant_folder in results:
            print_json(variant_folder, result)
    else:
        print_results(results)
        click.echo(f"\nreport        {report.page}")
