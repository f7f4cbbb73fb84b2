"""What is wrong with a recipe, in words: pydantic's findings as one human line each, with "did you mean"."""

import re
from collections.abc import Callable, Sequence
from typing import NoReturn

from pydantic_core import ErrorDetails, PydanticCustomError

from workbench.errors import did_you_mean, quote_value

Location = tuple[str | int, ...]

# Marks that pydantic puts in a location where a key has two forms; no file says them.
FIXED, RANGE = "[fixed]", "[range]"


def dotted(location: Location) -> str:
    """A place in a recipe as a dotted path; a key that would break the line is quoted."""
    keys = [str(key) for key in location if key != "[key]"]  # "[key]": pydantic's mark for the key of a mapping
    return ".".join(key if re.fullmatch(r"[\w.@+-]+", key) else quote_value(key) for key in keys)


def fail_validation(text: str) -> NoReturn:
    """Fails a validation with `text` as it stands (pydantic would prefix a ValueError)."""
    # without a context the text is no template: its braces stay
    raise PydanticCustomError("recipe", text)


def explain(error: ErrorDetails, recipe_keys: Sequence[str]) -> str:
    """One pydantic error in words; `recipe_keys` are the dotted keys that exist, for the suggestion."""
    kind, value = error["type"], error["input"]
    if kind == "missing":
        return "is missing"
    if kind in {"extra_forbidden", "invalid_key"}:
        return "is not a recipe key" + _suggest_key(error["loc"], recipe_keys)
    context = error.get("ctx", {})
    if kind == "literal_error":
        expected = str(context["expected"])
        choices = re.findall(r"'([^']*)'", expected)
        only = "" if len(choices) > 1 else ", the only choice so far"
        hint = did_you_mean(value, choices) if isinstance(value, str) else ""
        return f"wants {expected}{only}, got {quote_value(value)}{hint}"
    if kind in _WANTED:
        return f"wants {_WANTED[kind]}, got {quote_value(value)}"
    if kind in _LIMITS:
        return f"wants {_LIMITS[kind](context)}, got {quote_value(value)}"
    return error["msg"]


def _suggest_key(location: Location, recipe_keys: Sequence[str]) -> str:
    """Suggests a key of the same section, by its last part, before one from elsewhere, by its dotted path."""
    *section, key = map(str, location)
    prefix = "".join(f"{part}." for part in section)
    siblings = [name.removeprefix(prefix) for name in recipe_keys if name.startswith(prefix)]
    near = did_you_mean(key, {name.split(".")[0]: None for name in siblings})
    return near or did_you_mean(key, recipe_keys)


_WANTED = {
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


_LIMITS: dict[str, Callable[[dict[str, object]], str]] = {
    "greater_than_equal": lambda context: f"at least {_plain(context['ge'])}",
    "less_than_equal": lambda context: f"at most {_plain(context['le'])}",
}
