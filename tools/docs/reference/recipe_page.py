"""The page of recipe keys, written from the models that validate recipes."""

from collections.abc import Iterator
from typing import Any

from tools.docs.formatting import escaped, table
from workbench.recipe.json_schema import json_schema
from workbench.recipe.schema import RecipeModel
from workbench.recipe.sections import RecipeSection

_HEAD = """# Recipe keys

This page is generated from the code that validates recipes. A recipe is a YAML file. A key that a recipe does not
set has its default, or the value in the recipe that it extends. A key without a default is required.
[Write a recipe](../guides/recipes.md) shows how to use the keys.
"""
_COLUMNS = ("key", "value", "default", "meaning")


def recipe_page() -> str:
    """Returns the page of all keys of a recipe file."""
    extra = json_schema()["properties"]
    values = {"extends": "name or path", "matrix": "axis → values"}
    files = [(f"`{key}`", value, "none", escaped(extra[key]["description"])) for key, value in values.items()]
    parts = [
        _HEAD,
        "## Top level\n",
        table([*files, *_recipe_rows(RecipeModel)], _COLUMNS),
    ]
    for name, field in RecipeModel.model_fields.items():
        section = field.annotation
        if _is_section(section):
            parts += [
                f"## `{name}` {{ #{name} }}\n",
                f"{escaped(field.description or '')}\n",
                table(list(_recipe_rows(section, f"{name}.")), _COLUMNS),
            ]
    return "\n".join(parts)


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, RecipeSection)


def _recipe_rows(section: type[RecipeSection], prefix: str = "") -> Iterator[tuple[str, ...]]:
    """Yields a row for each key of a section; a key that is a section links to its own table."""
    properties = section.model_json_schema()["properties"]
    for name, field in section.model_fields.items():
        if _is_section(field.annotation):
            yield f"[`{name}`](#{name})", "section", "", escaped(field.description or "")
            continue
        schema = properties[name]
        default = f"`{_yaml(schema['default'])}`" if "default" in schema else "required"
        yield f"`{prefix}{name}`", _values(name, schema), default, escaped(field.description or "")


def _values(name: str, schema: dict[str, Any]) -> str:
    """Returns the values that a key can have, in words."""
    if name == "frames_per_chunk":
        return "whole number, or a range `{min, max}`"
    if name == "gates":
        return "metric → limit"
    if name == "parts":
        options = schema["additionalProperties"]["enum"]
        return "pattern → " + ", ".join(f"`{option}`" for option in options)
    if "enum" in schema:
        return ", ".join(f"`{option}`" for option in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(_values(name, option) for option in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_values(name, schema['items'])}"
    words = {
        "string": "text",
        "integer": "whole number",
        "number": "number",
        "boolean": "`true`, `false`",
        "null": "null",
    }
    return words[schema["type"]] + _bounds(schema)


def _bounds(schema: dict[str, Any]) -> str:
    """Returns the range of a number: ", 8,000 to 192,000", ", above 0, at most 1"; "" if it has none."""
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f", {low:,} to {high:,}"
    words = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    return "".join(f", {word} {schema[key]:,}" for key, word in words.items() if key in schema)


def _yaml(value: Any) -> str:
    """Returns a default as a recipe would write it."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    return str(value) if not isinstance(value, dict) else "{}"
