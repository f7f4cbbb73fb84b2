"""A recipe with some keys replaced, a point of a sweep; and a recipe as a record has it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from workbench.errors import RecipeError
from workbench.recipe.messages import dotted, explain
from workbench.recipe.schema import Recipe, RecipeModel, recipe_keys


def with_overrides(recipe: Recipe, suffix: str, **keys: object) -> Recipe:
    """The recipe named "<name>@<suffix>", its `keys` replaced and all of it validated again.

    Raises RecipeError with every reason why there is no such recipe.
    """
    return from_resolved(f"{recipe.name}@{suffix}", recipe.source, {**recipe.resolved(), **keys})


def from_resolved(name: str, source: Path, resolved: Mapping[str, Any]) -> Recipe:
    """The recipe that `Recipe.resolved` told of; keys that came since have their defaults.

    Raises RecipeError with every reason why there is no such recipe, each without the file.
    """
    try:
        checked = RecipeModel.model_validate(dict(resolved))
    except ValidationError as error:
        details = error.errors(include_url=False)
        raise RecipeError(
            [f"{dotted(detail['loc'])}: {explain(detail, recipe_keys())}" for detail in details]
        ) from None
    return Recipe.model_construct(name=name, source=source, **dict(checked))
