"""A recipe with some keys replaced: a point of a sweep."""

from pydantic import ValidationError

from workbench.errors import RecipeError
from workbench.recipe.problems import dotted, explain
from workbench.recipe.schema import Recipe, RecipeKeys, recipe_keys


def replaced(recipe: Recipe, suffix: str, **keys: object) -> Recipe:
    """The recipe named "<name>@<suffix>", its `keys` replaced and all of it validated again.

    Raises RecipeError with every reason why there is no such recipe.
    """
    try:
        checked = RecipeKeys.model_validate({**recipe.resolved(), **keys})
    except ValidationError as error:
        details = error.errors(include_url=False)
        raise RecipeError(
            [f"{dotted(detail['loc'])}: {explain(detail, recipe_keys())}" for detail in details]
        ) from None
    return Recipe.model_construct(name=f"{recipe.name}@{suffix}", source=recipe.source, **dict(checked))
