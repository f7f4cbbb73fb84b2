"""`runs`: what was run, when, and what came of it."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from workbench.cli._shared.group import main


@main.command("runs")
@click.argument("folder", required=False, default=Path("outputs"), type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print as JSON, one run a line.")
def list_runs(folder: Path, as_json: bool) -> None:
    """List the runs in a folder (default: outputs/), by name: when, how many variants, their verdicts, with what.

    A record that cannot be read is named and left out; a folder without any, of a run that was killed or of programs
    alone, is listed too. `earlier` counts the records that later ones of the same variant took the place of.

    \b
    Example:
      workbench runs
      workbench runs outputs --json | jq -r 'select(.verdicts.fail > 0) | .folder'
    """
    from workbench.records.run_folders import runs_in
    from workbench.report.tables.runs import print_runs, summarize_run

    runs = runs_in(folder)
    if as_json:
        for run in runs:
            click.echo(json.dumps(asdict(summarize_run(run)), allow_nan=False))
    elif runs:
        print_runs(runs)
    else:
        click.echo(f"{folder}: no run yet")
