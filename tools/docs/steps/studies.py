"""The studies: which steps start from which recipe, and in which order they are taken together."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.docs.steps.record import Study
from workbench.audio.clip_catalog import ClipCatalog
from workbench.recipe import Axis, Recipe
from workbench.recipe.files import merge, read_recipe_file
from workbench.recipe.schema import RecipeModel
from workbench.workflows.load_recipes import load_variants

FOLDER = Path(__file__).parent
INT8_MIXED, FLOAT = FOLDER / "int8-mixed.yaml", FOLDER / "float-xnnpack.yaml"
BASE = "base"
TOGETHER = (
    "state-once",
    "toeplitz-8",
    "fourier-shifted",
    "fourier-halved",
    "three-stage",
    "three-stage-int16",
    "band-0.55",
    "encoder-int8-weights",
    "narrow-int8-weights",
    "high-int4-weights",
    "segments-16",
    "toeplitz-4",
)
"""The steps from int8-mixed as it was to int8-small before its search, in the order in which they are taken."""


@dataclass(frozen=True)
class PlannedStep:
    """A step to measure: its name and keys, and the recipe that they are part of."""

    study: Study
    name: str
    keys: dict[str, Any]
    recipe: Recipe

    @property
    def base(self) -> str:
        """The name of the recipe that the step starts from."""
        return f"{self.recipe.source.stem}@step={BASE}"


def planned_steps(catalog: ClipCatalog) -> list[PlannedStep]:
    """Returns the steps of all studies, in order. The first one of `single` and of `exact` is the base."""
    by_name = _axis(INT8_MIXED)
    keys: dict[str, Any] = {}
    together = {f"+{name}": (keys := merge([keys, by_name[name]])) for name in TOGETHER}
    return [
        *_steps("single", INT8_MIXED, by_name, catalog),
        *_steps("together", INT8_MIXED, together, catalog),
        *_steps("exact", FLOAT, _axis(FLOAT), catalog),
    ]


def _axis(path: Path) -> dict[str, Any]:
    (axis,) = read_recipe_file(path, RecipeModel.dotted_keys()).axes
    return dict(axis.choices)


def _steps(study: Study, path: Path, choices: dict[str, Any], catalog: ClipCatalog) -> list[PlannedStep]:
    recipes = load_variants([path], catalog, overrides=(Axis("step", tuple(choices.items())),))
    return [
        PlannedStep(study, name, keys, recipe) for (name, keys), recipe in zip(choices.items(), recipes, strict=True)
    ]
