"""The JSON schema has every key of a recipe file, each with a description."""

from typing import Any

from tests.helpers.recipe_files import LEAST, load
from workbench.recipe import json_schema


def described_keys(schema: dict[str, Any], definitions: dict[str, Any]) -> set[str]:
    """Returns the dotted keys of an object schema, each of which must have a description and a closed set of keys."""
    assert schema["additionalProperties"] is False
    keys = set()
    for key, value in schema["properties"].items():
        section = definitions[value["$ref"].removeprefix("#/$defs/")] if "$ref" in value else None
        assert (section or value)["description"], key
        if section:
            assert "required" not in section
            keys |= {f"{key}.{name}" for name in described_keys(section, definitions)}
        else:
            keys.add(key)
    return keys


def test_json_schema_describes_every_key_of_a_file() -> None:
    schema = json_schema()
    (recipe,) = load(LEAST)
    expected = {"extends", "matrix"}
    for key, value in recipe.resolved().items():
        expected |= {f"{key}.{name}" for name in value} if isinstance(value, dict) and value else {key}
    described = described_keys(schema, schema["$defs"])
    assert {key for key in described if not key.startswith("student.")} == expected  # absent unless it is set
    assert "student.learning_rate" in described
    assert schema["required"] == ["description"]
    keys = schema["properties"]
    assert keys["mirror"]["maximum"] == 1
    assert keys["state"]["enum"] == ["internal", "explicit", "none", "frozen"]
    number, frames_range = keys["frames_per_chunk"]["oneOf"]
    assert number == {"minimum": 1, "type": "integer"}
    assert set(schema["$defs"][frames_range["$ref"].split("/")[-1]]["required"]) == {"min", "max"}
    assert keys["gates"]["additionalProperties"]["anyOf"][1] == {"type": "null"}
    assert keys["gates"]["default"] == {}
    overrides = keys["matrix"]["additionalProperties"]["anyOf"][1]["additionalProperties"]
    assert set(overrides["properties"]) == set(keys) - {"extends", "matrix"}
