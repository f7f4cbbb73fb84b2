"""`runs`: what was run, when, and what came of it."""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli._shared.group import main

if TYPE_CHECKING:
    from workbench.records.run_folders import Run

_VERDICTS = ("pass", "fail", "inconclusive")


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

    runs = runs_in(folder)
    if as_json:
        for run in runs:
            click.echo(json.dumps(_facts(run), allow_nan=False))
    elif runs:
        _print(runs)
    else:
        click.echo(f"{folder}: no run yet")


def _facts(run: "Run") -> dict[str, Any]:
    from workbench.records.run_folders import earlier_in

    places = [kept.record.environment for kept in run.kept]
    verdicts: Counter[str] = Counter(kept.record.verdict for kept in run.kept)
    return {
        "folder": str(run.folder),
        "created": run.created,
        "variants": {kept.record.recipe.name: kept.record.verdict for kept in run.kept},
        "verdicts": {verdict: verdicts[verdict] for verdict in _VERDICTS},
        "commits": sorted({place.commit or "no commit" for place in places}),
        "machines": sorted({f"{place.cpu}, {place.cores} cores" for place in places}),
        "earlier": sum(len(earlier_in(kept.folder)) for kept in run.kept),
        "unreadable": list(run.unreadable),
    }


def _print(runs: "list[Run]") -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 200, highlight=False)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("run", "newest record (UTC)", "variants", *_VERDICTS, "unreadable", "earlier", "commit", "machine"):
        table.add_column(column, justify="left" if column in ("run", "commit", "machine") else "right")
    every = [_facts(run) for run in runs]
    for run, facts in zip(runs, every, strict=True):
        row = [run.folder.name or str(run.folder), run.created[:16].replace("T", " "), len(facts["variants"])]
        row += [facts["verdicts"][verdict] for verdict in _VERDICTS]
        row += [len(facts["unreadable"]), facts["earlier"], *("; ".join(facts[key]) for key in ("commits", "machines"))]
        table.add_row(*(str(cell) if cell else "–" for cell in row))
    console.print(table)
    for facts in every:
        for line in facts["unreadable"]:
            console.print(f"unreadable: {line}", markup=False, soft_wrap=True)
