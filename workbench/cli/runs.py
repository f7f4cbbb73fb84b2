"""`runs`: the runs in a folder with their verdicts."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from workbench.cli._shared.group import main
from workbench.cli._shared.options import json_option


@main.command("runs")
@click.argument("folder", required=False, default=Path("outputs"), type=click.Path(path_type=Path))
@json_option
def list_runs(folder: Path, as_json: bool) -> None:
    """List the runs in a folder with their verdicts.

    Writes nothing. Prints the date, the variants, the commit and the machine of each run. FOLDER is outputs/ by
    default. A result that cannot be read is named and not counted. A folder without results is listed too: of a run
    that was killed, or of `workbench build`. `earlier` counts the results that a later run of the same variant
    replaced.

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
        click.echo(f"{folder}: no runs")
