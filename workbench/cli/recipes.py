"""`recipes`: the variants of a folder of recipes."""

import json
from pathlib import Path

import click

from workbench.cli._shared.group import main
from workbench.cli._shared.options import VariantOptions, calib_audio_option
from workbench.workflows.folders import open_corpus, project_folder


@main.command("recipes")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list with all keys of each variant.")
@calib_audio_option
def list_recipes(folder: Path | None, as_json: bool, calib_audio: Path | None) -> None:
    """List the variants in a folder of recipes, with their descriptions.

    Writes nothing. FOLDER is recipes/ by default.

    \b
    Example:
      workbench recipes
      workbench recipes recipes/findings
    """
    variants = VariantOptions().load((folder or project_folder("recipes"),), open_corpus(calib_audio))
    if as_json:
        click.echo(json.dumps([{"name": recipe.name, **recipe.resolved()} for recipe in variants], indent=2))
        return
    width = max(len(recipe.name) for recipe in variants)
    for recipe in variants:
        click.echo(f"{recipe.name:{width}}  {recipe.description}")
