"""The messages of the recipe reader: pydantic's errors as one plain line each, with "did you mean"."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NoReturn

from pydantic_core import ErrorDetails, PydanticCustomError

from workbench.errors import did_you_mean, quote_value

Location = tuple[str | int, ...]

FIXED, RANGE = "[fixed]", "[range]"
"""Names that pydantic adds to a location if the value of a key can have two types. A recipe does not contain them."""

MAPPING_KEY = "[key]"
"""The name that pydantic adds to a location if the key of a mapping is wrong, not its value."""


def dotted(location: Location) -> str:
    """Returns a location in a recipe as a dotted path. A key that is not a plain word is quoted."""
    keys = [str(key) for key in location if key not in (MAPPING_KEY, FIXED, RANGE)]
    return ".".join(key if re.fullmatch(r"[\w.@+-]+", key) else quote_value(key) for key in keys)


def fail_validation(message: str) -> NoReturn:
    """Fails a validator with exactly this message. A ValueError would get a prefix from pydantic."""
    raise PydanticCustomError("recipe", message)  # without a context, pydantic does not replace braces in the message


def explain_all(errors: Iterable[ErrorDetails], recipe_keys: Sequence[str] = ()) -> list[str]:
    """Returns a line "dotted.key: what is wrong" for each error of pydantic."""
    return [f"{dotted(error['loc'])}: {explain(error, recipe_keys)}" for error in errors]


def explain(error: ErrorDetails, recipe_keys: Sequence[str]) -> str:
    """Returns what is wrong as plain text.

    Args:
        error: An error of pydantic.
        recipe_keys: The dotted keys that exist, for the suggestion after an unknown key.
    """
    kind, value = error["type"], error["input"]
    if kind == "missing":
        return "is missing"
    if kind in {"extra_forbidden", "invalid_key"}:
        return "is not a recipe key" + _suggest_key(error["loc"], recipe_keys)
    context = error.get("ctx", {})
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", str(context["expected"]))
        hint = did_you_mean(value, choices) if isinstance(value, str) else ""
        return f"expected {context['expected']}, got {quote_value(value)}{hint}"
    if kind in _EXPECTED:
        return f"expected {_EXPECTED[kind]}, got {quote_value(value)}"
    if kind in _BOUNDS:
        return f"expected {_BOUNDS[kind](context)}, got {quote_value(value)}"
    return error["msg"]


def _suggest_key(location: Location, recipe_keys: Sequence[str]) -> str:
    """Suggests a key of the same section by its last part, or else any key by its dotted path."""
    *section, key = (str(part) for part in location if part not in (FIXED, RANGE))
    prefix = "".join(f"{part}." for part in section)
    siblings = [name.removeprefix(prefix) for name in recipe_keys if name.startswith(prefix)]
    similar = did_you_mean(key, {name.split(".")[0]: None for name in siblings})
    return similar or did_you_mean(key, recipe_keys)


_EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "text",
    "model_type": "a mapping of keys to values",
    "dict_type": "a mapping of keys to values",
    "tuple_type": "a list",
}


def _plain(bound: object) -> str:
    return str(bound).removesuffix(".0")


_BOUNDS: dict[str, Callable[[dict[str, object]], str]] = {
    "greater_than_equal": lambda context: f"at least {_plain(context['ge'])}",
    "greater_than": lambda context: f"more than {_plain(context['gt'])}",
    "less_than_equal": lambda context: f"at most {_plain(context['le'])}",
    "less_than": lambda context: f"less than {_plain(context['lt'])}",
}
