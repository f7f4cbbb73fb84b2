"""`metrics`: the numbers that gates and `compare` can name."""

import json
from dataclasses import asdict

import click

from workbench.cli._shared.group import main
from workbench.cli._shared.options import json_option
from workbench.errors import WorkbenchError


@main.command("metrics")
@click.argument("words", nargs=-1, metavar="[WORD]...")
@json_option
def metrics_command(words: tuple[str, ...], as_json: bool) -> None:
    """List the metrics that gates and `compare` can name, with unit, better direction and meaning.

    With WORDs, lists only the metrics whose names contain one of them. Writes nothing. `pick` ranks by
    deviation.pitch.p95_cents, program.bytes and speed.native.speedup_p50, or speed.speedup_p50 if a variant was not
    timed in the native host. A metric without a better direction can have a gate, but `compare` cannot use it.

    \b
    Example:
      workbench metrics
      workbench metrics confidence latency
      workbench metrics --json | jq -r 'select(.compared) | .metric'
    """
    from workbench.audit.metric_list import list_metrics
    from workbench.report.tables.metrics import print_metrics

    found = list_metrics(words)
    if not found:
        raise WorkbenchError(f"{' '.join(words)}: no metric has this in its name; `workbench metrics` lists all")
    if as_json:
        for metric in found:
            click.echo(json.dumps(asdict(metric)))
    else:
        print_metrics(found)
