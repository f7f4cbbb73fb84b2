"""`check`: mistakes in recipes."""

from pathlib import Path

import click

from workbench.cli._shared.group import main
from workbench.cli._shared.options import VariantOptions, calib_audio_option, json_option, variant_options
from workbench.cli._shared.output import print_object
from workbench.cli._shared.recipe_argument import recipes_argument
from workbench.workflows.folders import open_catalog


@main.command()
@recipes_argument
@variant_options
@json_option
@calib_audio_option
def check(recipes: tuple[str, ...], chosen: VariantOptions, as_json: bool, calib_audio: Path | None) -> None:
    """Report every mistake in recipes.

    Writes nothing. Reports the mistakes of all files together. Prints the name of each variant if there is none.
    `workbench metrics` lists the metrics that gates can name.

    \b
    Example:
      workbench check shipped
      workbench check mine.yaml my-recipes/
    """
    for recipe in chosen.load(recipes, open_catalog(calib_audio)):
        if as_json:
            print_object(name=recipe.name, source=str(recipe.source), description=recipe.description)
        else:
            click.echo(f"{recipe.name}: ok")
