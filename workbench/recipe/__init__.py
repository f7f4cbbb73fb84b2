"""Recipes: what to build and how to score it, read from YAML, validated, frozen. Knows no torch."""

from workbench.recipe.files import read_mapping
from workbench.recipe.gates import Gate, gates_of, override_gates
from workbench.recipe.json_schema import json_schema
from workbench.recipe.known_names import KnownNames, clip_matches
from workbench.recipe.load import invalid_name_reason, load_recipes, read_limits, recipe_files
from workbench.recipe.options import Observer
from workbench.recipe.overrides import from_resolved, with_overrides
from workbench.recipe.schema import Recipe
from workbench.recipe.sections import Audio, Lowering, Quantization, Scoring, Speed

__all__ = [
    "Audio",
    "Gate",
    "KnownNames",
    "Lowering",
    "Observer",
    "Quantization",
    "Recipe",
    "Scoring",
    "Speed",
    "clip_matches",
    "from_resolved",
    "gates_of",
    "invalid_name_reason",
    "json_schema",
    "load_recipes",
    "override_gates",
    "read_limits",
    "read_mapping",
    "recipe_files",
    "with_overrides",
]
