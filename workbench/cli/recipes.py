"""`recipes`: the variants of a folder of recipes."""

import json
from pathlib import Path

import click

from workbench.cli._shared.group import main
from workbench.cli._shared.options import VariantOptions, calib_audio_option
from workbench.cli._shared.recipe_argument import RecipeReference
from workbench.recipe import ALL_SHIPPED
from workbench.workflows.folders import open_corpus


@main.command("recipes")
@click.argument("folder", default=ALL_SHIPPED, type=RecipeReference())
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list with all keys of each variant.")
@calib_audio_option
def list_recipes(folder: str, as_json: bool, calib_audio: Path | None) -> None:
    """List the variants of the shipped recipes, or of a folder of recipes, with their descriptions.

    Writes nothing. FOLDER is `shipped` by default: the shipped recipes, without those of `findings`.

    \b
    Example:
      workbench recipes
      workbench recipes findings
      workbench recipes my-recipes/
    """
    variants = VariantOptions().load((folder,), open_corpus(calib_audio))
    if as_json:
        click.echo(json.dumps([{"name": recipe.name, **recipe.resolved()} for recipe in variants], indent=2))
        return
    width = max(len(recipe.name) for recipe in variants)
    for recipe in variants:
        click.echo(f"{recipe.name:{width}}  {recipe.description}")
