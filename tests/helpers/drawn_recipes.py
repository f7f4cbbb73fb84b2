"""Recipes drawn from their JSON schema: every key and every option of it, also those that are added later."""

from typing import Any

from hypothesis import strategies as st

from workbench.recipe import json_schema

SCHEMA = json_schema()
GIVEN = {"description": "Drawn", "sample_rate_hz": 16_000, "chunk_samples": 960, "mirror": 1}
PARTS = (
    *("encoder", "encoder.prefilter.1", "encoder.narrow.?", "encoder.toeplitz", "frontend.*", "frontend.group.>0"),
    *("confidence", "confidence.linear", "encoder.prefilter.*.frequency.>=8", "nothing"),
)
METRICS = ("program.bytes", "deviation.pitch.p95_cents", "speed.speedup_low")
LIMITS = st.builds("{} {!r}".format, st.sampled_from(["<=", ">="]), st.floats(-1e9, 1e9) | st.integers(0, 99))
NAMES: dict[str, st.SearchStrategy[Any]] = {  # what the schema has as any text
    "checkpoint": st.sampled_from(["mir-1k_g7", "mir-1k"]),
    "calibrate": st.sampled_from([["a"], ["synthetic/*"]]),
    "score": st.sampled_from([["sung/*"], ["sung/take-?"]]),
    "initial": st.sampled_from([None, "student"]),
    "gates": st.dictionaries(st.sampled_from(METRICS), LIMITS, max_size=3),
}


def values(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """The values that a schema allows."""
    if "$ref" in schema:
        return values(SCHEMA["$defs"][schema["$ref"].split("/")[-1]])
    if alternatives := schema.get("anyOf") or schema.get("oneOf"):
        return st.one_of(map(values, alternatives))
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    least, most = schema.get("minimum"), schema.get("maximum")
    match schema["type"]:
        case "integer":
            return st.integers(least, schema.get("exclusiveMaximum", (most or 2**20) + 1) - 1)
        case "number":
            low, high = schema.get("exclusiveMinimum", least), schema.get("exclusiveMaximum", most)
            ends = {"exclude_min": "exclusiveMinimum" in schema, "exclude_max": "exclusiveMaximum" in schema}
            return st.floats(low, high, **ends)
        case "array" if "prefixItems" in schema:
            return st.tuples(*map(values, schema["prefixItems"])).map(list)
        case "array":
            return st.lists(values(schema["items"]), min_size=1, unique_by=repr)
        case "object" if "properties" in schema:
            return section(schema["properties"])
        case "object":
            return st.dictionaries(st.sampled_from(PARTS), values(schema["additionalProperties"]), max_size=3)
    return {"boolean": st.booleans(), "null": st.none()}[schema["type"]]


@st.composite
def section(draw: st.DrawFn, properties: dict[str, Any], most: int = 3) -> dict[str, Any]:
    """At most three keys of a section: with more of them, few recipes are valid."""
    keys = draw(st.lists(st.sampled_from(sorted(properties)), max_size=most, unique=True))
    return {key: draw(NAMES[key] if key in NAMES else values(properties[key])) for key in keys}


KEYS = {key: value for key, value in SCHEMA["properties"].items() if key not in ("extends", "matrix", "description")}
recipes = section(KEYS, most=5).map(lambda drawn: {**GIVEN, **drawn})
