"""`env`: the machine and the versions in use."""

import json

import click

from workbench.cli._shared.group import main


@main.command("env")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def env(as_json: bool) -> None:
    """Print the properties of this machine and the versions that a result records.

    Writes nothing.

    \b
    Example:
      workbench env --json
    """
    from workbench.records.environment import environment

    found = environment(threads=1).model_dump(mode="json", exclude={"threads", "null_reasons"})
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        for key, value in found.items():
            click.echo(f"{key:12} {value if value is not None else 'not known'}")
