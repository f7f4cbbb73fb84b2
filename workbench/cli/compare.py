"""`compare`: two runs, or a run and a stored reference."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from workbench.cli._shared.group import VERDICTS, main


@main.command()
@click.argument("before", metavar="A", type=click.Path(path_type=Path))
@click.argument("after", metavar="B", type=click.Path(path_type=Path))
@click.option(
    "--tolerance",
    "tolerances",
    multiple=True,
    metavar="METRIC=VALUE",
    help="How much worse it may get: an amount, or 10%. Repeatable.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(("text", "json", "github")),
    default="text",
    show_default=True,
    help="github: a workflow command for each finding.",
)
def compare(before: Path, after: Path, tolerances: tuple[str, ...], form: str) -> None:
    """Hold B against the reference A: recipe, environment, program and numbers.

    Each is a run's folder, a variant's, or a record (a result.json under any name). Variants are paired by their
    recipes' names; one and one are paired whatever they are called.

    A number regresses when it is worse by more than its tolerance: the larger of an amount and a share of A's, by
    default 0.01 cents or 10% for median and p95 of pitch deviation, 0.1 cents or 10% for the largest without ties;
    0.001 for rates; 1e-4 or 10% for confidence (p95, max) and volume; 0.002 for accuracies against known f0; 1% for
    bytes; 0 for algorithmic delay and frames that are not finite; and 10% for speedup_p50, whose spreads over rounds
    may not overlap either, and only where program or libraries changed: else the machine did. --tolerance replaces a
    default, holds any other metric with a better and a worse, and asks of the same program too. A program
    that is gone is a regression. Gates are not asked.

    Deviations and accuracies compare between records of the same stream and scored audio, times of the same stream,
    machine and threads. Where times do not compare, they are left out.

    Exit codes: 0 no regression; 1 a regression; 2 a mistake; 3 none, but deviations do not compare, a number has no
    value any more, or a variant of A is not in B.

    \b
    Example:
      workbench compare docs/measured/int8-mixed.json outputs/today/int8-mixed
      workbench compare outputs/yesterday outputs/today --tolerance program.bytes=0 --format github
    """
    from workbench.audit.compare import compare as compare_results
    from workbench.audit.tolerances import parse_tolerances
    from workbench.records.run_folders import find_results
    from workbench.report.tables.compare import github_lines, text_lines

    chosen = parse_tolerances(tolerances)
    comparison = compare_results(find_results([before]), find_results([after]), chosen)
    if form == "json":
        click.echo(json.dumps({"verdict": comparison.verdict, **asdict(comparison)}, allow_nan=False))
    else:
        for line in github_lines(comparison) if form == "github" else text_lines(comparison):
            click.echo(line)
    sys.exit(VERDICTS[comparison.verdict])
