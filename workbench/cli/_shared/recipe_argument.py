"""The arguments that name recipes, and their completion in a shell."""

import click
from click.shell_completion import CompletionItem

from workbench.recipe import shipped_folders, shipped_names


class RecipeReference(click.types.StringParamType):
    """The name of a shipped recipe or of a folder of them, or the path of any recipe file or folder.

    What it means is looked up when the recipes are loaded, so that all mistakes are reported together.
    """

    name = "recipe"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Offers the names of the shipped recipes that begin so, or else files."""
        names = [name for name in (*shipped_names(), *shipped_folders()) if name.startswith(incomplete)]
        return [CompletionItem(incomplete, type="file"), *map(CompletionItem, names)]


recipes_argument = click.argument("recipes", nargs=-1, required=True, metavar="RECIPE...", type=RecipeReference())
recipe_argument = click.argument("recipe", type=RecipeReference())
