"""Recipes, loaded and validated."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.api._inputs import open_clips
from workbench.supported_versions import check_versions

if TYPE_CHECKING:
    from workbench.recipe import Recipe


def load_recipe(
    recipe: str | Path,
    variant: str | None = None,
    calib_audio: str | Path | None = None,
    overrides: Mapping[str, object] | None = None,
) -> "Recipe":
    """Loads and validates one variant of a recipe.

    A recipe is frozen. `recipe.model_copy(update={"mirror": 0.5})` returns a changed copy with the same name, and every
    function here validates it again before it uses it.

    Args:
        recipe: The name of a shipped recipe, such as `"float-xnnpack"`, or the path of a recipe file.
        variant: The name of the variant if the recipe has a matrix, such as `"float-rates@rate=16k,mirror=0"`.
        calib_audio: The folder of the clips that the recipe can name; by default `calib_audio` in the current folder,
            or else the shipped clips.
        overrides: Dotted keys with the values that replace those of the file, such as
            `{"lowering.backend": "portable"}`; the name of the recipe gets them too.

    Raises:
        RecipeError: The recipe has mistakes. `problems` has a line for each, with file and key.
        WorkbenchError: The recipe has several variants and `variant` is None, or no variant has this name.

    Example:
        >>> recipe = workbench.load_recipe("float-xnnpack")
        >>> recipe.sample_rate_hz, recipe.chunk_samples, recipe.mirror
        (48000, 960, 1.0)
    """
    check_versions()
    from workbench.recipe import overrides_from_values
    from workbench.workflows.load_recipes import load_variant

    names = () if variant is None else (variant,)
    catalog = open_clips(calib_audio)
    return load_variant(recipe, catalog, names=names, overrides=overrides_from_values(overrides or {}))
