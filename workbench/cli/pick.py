"""`pick`: one of the variants that pass."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workbench.cli._shared.group import FAIL, INCONCLUSIVE, PASS, main

if TYPE_CHECKING:
    from workbench.audit.explain import Objective

OBJECTIVES = ("smallest", "fastest", "most-accurate", "balanced")


@main.command()
@click.argument("runs", nargs=-1, metavar="[RUN]...", type=click.Path(path_type=Path))
@click.option("--objective", type=click.Choice(OBJECTIVES), default="balanced", show_default=True, help="What to seek.")
@click.option(
    "--gates",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Judge again: YAML of limits laid over each record's own gates; null drops one.",
)
@click.option("--like", metavar="VARIANT", help="Leave out what does not compare with this one.")
@click.option("--json", "as_json", is_flag=True, help="Print the choice as JSON.")
def pick(runs: tuple[Path, ...], objective: "Objective", gates: Path | None, like: str | None, as_json: bool) -> None:
    """Choose among the variants that pass, and say why.

    A RUN is a run's folder, a variant's or a result.json; the newest run in outputs/ where none is named. The choice is
    made on the Pareto front of pitch deviation (p95), bytes and times faster: those that no other beats in one without
    losing in another. A speed beats another only where their spreads over rounds do not overlap, and deviations below
    the floor of 16-bit dither count as the floor.

    balanced is compromise programming (Yu 1973; normalized as in Marler and Arora 2004): on the front, the logarithm
    of each axis is scaled from 0, the best, to 1, the worst, and the point nearest to zero is chosen, all axes weighing
    the same.

    Records of other audio, another stream or another baseline are not ranked together: the largest group is, or the one
    that --like names, and what is left out is told. Nor are times of different machines: the objectives that need no
    time then go on without them, and say so.

    Exit codes: 0 a winner; 1 none passes; 2 a mistake, or records that do not compare; 3 none passes, and some are
    inconclusive.

    \b
    Example:
      workbench pick outputs/20260301-101500-6-variants --objective smallest
      workbench pick outputs/* --like int8-mixed --gates limits.yaml --json | jq -r .winner.program
    """
    from workbench.audit.pick import pick as choose
    from workbench.records.run_folders import find_results, newest_run
    from workbench.report.tables.pick import print_choice
    from workbench.workflows.load_recipes import load_gate_overrides

    limits = load_gate_overrides(gates) if gates else None
    if not runs:
        newest = newest_run(Path("outputs"))
        click.echo(f"{newest.folder}: the newest run", err=True)
        runs = (newest.folder,)
    choice = choose(find_results(runs), objective, limits, like)
    if as_json:
        click.echo(json.dumps(choice.model_dump(mode="json"), allow_nan=False))
    else:
        print_choice(choice)
    doubts = any(one.verdict == "inconclusive" for one in choice.rejected)
    sys.exit(PASS if choice.winner else INCONCLUSIVE if doubts else FAIL)
