"""`schema`: the JSON schema of recipes."""

import json

import click

from workbench.cli._shared.group import main


@main.command()
def schema() -> None:
    """Print the JSON schema of recipe files, for an editor.

    Writes nothing.

    \b
    Example:
      workbench schema > recipes/recipe.schema.json
    """
    from workbench.recipe import json_schema

    click.echo(json.dumps(json_schema(), indent=2))
