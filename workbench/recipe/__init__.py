"""Recipes: what to build and how to score it, read from YAML, validated, frozen. Knows no torch."""

from workbench.recipe.files import read_mapping
from workbench.recipe.gates import Gate, gates_of, over
from workbench.recipe.json_schema import json_schema
from workbench.recipe.known_names import Vocabulary, matches
from workbench.recipe.load import load_recipes, read_limits, recipe_files, unfit_name
from workbench.recipe.overrides import replaced, resolved_again
from workbench.recipe.schema import Recipe
from workbench.recipe.sections import Audio, Lowering, Observer, Quantization, Scoring, Speed

__all__ = [
    "Audio",
    "Gate",
    "Lowering",
    "Observer",
    "Quantization",
    "Recipe",
    "Scoring",
    "Speed",
    "Vocabulary",
    "gates_of",
    "json_schema",
    "load_recipes",
    "matches",
    "over",
    "read_limits",
    "read_mapping",
    "recipe_files",
    "replaced",
    "resolved_again",
    "unfit_name",
]
