"""The JSON schema of a recipe file, with which editors complete and check recipes."""

from typing import Any

from workbench.recipe.schema import RecipeModel


def json_schema() -> dict[str, Any]:
    """Returns the JSON schema of a recipe file (draft 2020-12). Only `description` is required."""
    schema = RecipeModel.model_json_schema()
    keys: dict[str, Any] = schema["properties"]
    limit = keys["gates"]["additionalProperties"]
    keys["gates"]["additionalProperties"] = {"anyOf": [limit, {"type": "null"}]}
    keys["gates"]["default"] = {}
    overrides = {"type": "object", "properties": keys, "additionalProperties": False}
    extra = {
        "extends": {
            "type": "string",
            "description": "Another recipe, relative to this one; its keys apply if this one does not set them.",
        },
        "matrix": {
            "type": ["object", "null"],
            "description": "Axes of variants: dotted key -> values, or free name -> label -> keys; null removes it.",
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
