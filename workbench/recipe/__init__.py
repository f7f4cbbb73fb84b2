"""Recipes: YAML files that say what to build and how to score it. They are read, validated and frozen here.

Imports only `storage` and what is below it, and neither torch nor numpy. Every stage above may import it.
"""

from workbench.recipe.gates import Gate, gates_of, override_gates
from workbench.recipe.json_schema import json_schema
from workbench.recipe.load import (
    file_name_problem,
    from_resolved,
    invalid_name_reason,
    limits_from_text,
    load_recipes,
    read_limits,
    recipe_files,
    with_channel,
    with_overrides,
)
from workbench.recipe.lowering_section import Lowering
from workbench.recipe.matrix import Axis
from workbench.recipe.options import Channel, Observer, parse_channel
from workbench.recipe.overrides import overrides_from_text, overrides_from_values
from workbench.recipe.patterns import KnownNames, clip_matches
from workbench.recipe.schema import Recipe
from workbench.recipe.sections import Audio, Quantization, Scoring, Speed
from workbench.storage.shipped import (
    ALL_SHIPPED,
    find_recipe,
    shipped_clips,
    shipped_folders,
    shipped_name,
    shipped_names,
    shipped_records,
)

__all__ = [
    "ALL_SHIPPED",
    "Audio",
    "Axis",
    "Channel",
    "Gate",
    "KnownNames",
    "Lowering",
    "Observer",
    "Quantization",
    "Recipe",
    "Scoring",
    "Speed",
    "clip_matches",
    "file_name_problem",
    "find_recipe",
    "from_resolved",
    "gates_of",
    "invalid_name_reason",
    "json_schema",
    "limits_from_text",
    "load_recipes",
    "override_gates",
    "overrides_from_text",
    "overrides_from_values",
    "parse_channel",
    "read_limits",
    "recipe_files",
    "shipped_clips",
    "shipped_folders",
    "shipped_name",
    "shipped_names",
    "shipped_records",
    "with_channel",
    "with_overrides",
]
