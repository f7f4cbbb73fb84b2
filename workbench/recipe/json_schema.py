"""The JSON schema of a recipe file, so that editors complete and check recipes while they are written."""

from typing import Any

from workbench.recipe.schema import RecipeModel


def json_schema() -> dict[str, Any]:
    """JSON schema (draft 2020-12) of a recipe file. Only `description` is required: `extends` may give the rest."""
    schema = RecipeModel.model_json_schema()
    keys: dict[str, Any] = schema["properties"]
    limit = keys["gates"]["additionalProperties"]
    keys["gates"]["additionalProperties"] = {"anyOf": [limit, {"type": "null"}]}
    keys["gates"]["default"] = {}
    overrides = {"type": "object", "properties": keys, "additionalProperties": False}
    extra = {
        "extends": {
            "type": "string",
            "description": "Another recipe, relative to this one, whose keys hold where this one is silent.",
        },
        "matrix": {
            "type": ["object", "null"],
            "description": "Axes of variants: a dotted key -> values, or a free name -> label -> keys; null drops one.",
            "additionalProperties": {
                "anyOf": [
                    {"type": "array", "minItems": 1, "items": {"type": ["string", "number", "boolean"]}},
                    {"type": "object", "minProperties": 1, "additionalProperties": overrides},
                ]
            },
        },
    }
    return {
        **schema,
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "workbench recipe",
        "description": "One variant of PESTO (or a matrix of them) to build and score.",
        "properties": {**extra, **keys},
        "required": ["description"],
    }
