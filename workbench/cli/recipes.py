"""`recipes`: what each recipe is good for, with its measured figures; or one recipe with all of its keys."""

import json
from pathlib import Path

import click

from workbench.cli._shared.group import main
from workbench.cli._shared.options import VariantOptions, calib_audio_option, json_option
from workbench.cli._shared.recipe_argument import RecipeReference
from workbench.recipe import ALL_SHIPPED, find_recipe, shipped_clips
from workbench.workflows.folders import open_catalog


@main.command("recipes")
@click.argument("recipes", nargs=-1, metavar="[RECIPE|FOLDER]...", type=RecipeReference())
@json_option
@calib_audio_option
def list_recipes(recipes: tuple[str, ...], as_json: bool, calib_audio: Path | None) -> None:
    """Show what each recipe is good for, with its measured figures.

    Writes nothing. Shows the shipped recipes, without those of `findings`, unless others are named. The figures are
    those of the stored results, which were not measured on this machine; the last lines say where. A matrix is one row
    with the ranges of its variants. One RECIPE is shown with all of its keys, defaults included.

    \b
    Example:
      workbench recipes
      workbench recipes int8-mixed
      workbench recipes findings my-recipes/
    """
    if not recipes and calib_audio is None:
        calib_audio = shipped_clips()  # the clips of the current folder can be others
    variants = VariantOptions().load(recipes or (ALL_SHIPPED,), open_catalog(calib_audio))
    from workbench.report.recipe_summary import summarize_recipes
    from workbench.report.tables.recipes import print_recipe, print_recipes

    summaries = summarize_recipes(variants)
    if as_json:
        for summary in summaries:
            listed = [
                {"name": each.recipe.name, "measured": each.figures(), "resolved": each.recipe.resolved()}
                for each in summary.variants
            ]
            click.echo(json.dumps({"name": summary.name, "good_for": summary.good_for, "variants": listed}))
    elif len(recipes) == 1 and not find_recipe(recipes[0]).is_dir():
        print_recipe(summaries[0])
    else:
        print_recipes(summaries)
