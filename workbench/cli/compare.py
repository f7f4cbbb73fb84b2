"""`compare`: a run against an earlier run or a stored reference."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from workbench.cli._shared.group import VERDICTS, main
from workbench.cli._shared.options import json_option


@main.command()
@click.argument("before", metavar="A", type=click.Path(path_type=Path))
@click.argument("after", metavar="B", type=click.Path(path_type=Path))
@click.option(
    "--tolerance",
    "tolerances",
    multiple=True,
    metavar="METRIC=VALUE",
    help="How much worse a metric may get: an amount, or a share such as 10%. Repeatable.",
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(("text", "json", "github")),
    default="text",
    show_default=True,
    help="json is the same as --json; github prints a workflow command for each finding.",
)
@json_option
def compare(before: Path, after: Path, tolerances: tuple[str, ...], output_format: str, as_json: bool) -> None:
    """Compare the results B with the reference A.

    Writes nothing. Compares recipe, environment, program and metrics. A and B are the folders of runs or variants, or
    results (a result.json under any name). Variants are paired by name; a single variant of A is paired with a single
    variant of B whatever their names are.

    A metric regresses if it gets worse by more than its tolerance, the larger of an amount and a share of A's value.
    The defaults are 0.01 cents or 10% for median and p95 of the pitch deviation; 0.1 cents or 10% for its maximum
    without ties; 0.001 for rates; 1e-4 or 10% for confidence (p95, max) and volume; 0.002 for accuracy against the
    known f0; 1% for bytes; 0 for the algorithmic delay and for frames that are not finite; 1 ms or 5% for the measured
    delay; 0.5 cents or 10% for the errors on tones and glides; and 10% for speedup_p50 in the native host, if both have
    it, and in the Python session. The ranges of a speedup over the rounds must not overlap either. Speedups are
    compared only if the program or the libraries changed, because otherwise only the machine can have changed.
    --tolerance overrides a default, or adds any metric that has a better direction in `workbench metrics`. It also
    applies if the program is unchanged. A missing program is a regression. Gates are not evaluated.

    Deviation and accuracy are compared between results of the same stream and scored audio, times between results of
    the same stream, machine and number of threads. Times that are not comparable are left out, and so are times in the
    native host that only one of the two has.

    Exit codes: 0 no regression; 1 a regression; 2 error; 3 no regression, but deviations are not comparable, a metric
    has lost its value, or a variant of A is missing in B.

    \b
    Example:
      workbench compare docs/records/measured/int8-mixed.json outputs/today/int8-mixed
      workbench compare outputs/yesterday outputs/today --tolerance program.bytes=0 --format github
    """
    from workbench.audit.compare import compare as compare_results
    from workbench.audit.tolerances import parse_tolerances
    from workbench.records.run_folders import find_results
    from workbench.report.tables.compare import github_lines, text_lines

    comparison = compare_results(find_results([before]), find_results([after]), parse_tolerances(tolerances))
    if as_json or output_format == "json":
        click.echo(json.dumps({"verdict": comparison.verdict, **asdict(comparison)}, allow_nan=False))
    else:
        for line in github_lines(comparison) if output_format == "github" else text_lines(comparison):
            click.echo(line)
    sys.exit(VERDICTS[comparison.verdict])
