"""`new`: a recipe to start from."""

from pathlib import Path

import click

from workbench.cli._shared.group import main
from workbench.cli._shared.options import calib_audio_option, overwrite_option
from workbench.cli._shared.recipe_argument import RecipeReference
from workbench.workflows.folders import open_catalog


@main.command()
@click.argument("file", metavar="FILE.yaml", type=click.Path(path_type=Path))
@click.option(
    "--from",
    "base",
    metavar="RECIPE",
    type=RecipeReference(),
    default="float-xnnpack",
    show_default=True,
    help="The recipe to extend: a shipped name, or a file.",
)
@overwrite_option
@calib_audio_option
def new(file: Path, base: str, overwrite: bool, calib_audio: Path | None) -> None:
    """Write a recipe to start from.

    Writes FILE.yaml. It extends RECIPE, so it passes `check` and builds the same program. The other keys are in it as
    comments, each with its value, the allowed values and the meaning.

    \b
    Example:
      workbench new my.yaml --from int8-mixed
    """
    from workbench.workflows.new_recipe import write_new_recipe

    extended = write_new_recipe(file, base, open_catalog(calib_audio), overwrite)
    name = extended.name.partition("@")[0]
    click.echo(f"{file}: extends {name}; change its keys, then run `workbench check {file}`")
