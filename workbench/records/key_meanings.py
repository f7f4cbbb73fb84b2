"""What the keys of records mean, from the docstrings of the models that read and write them, and their units."""

import inspect
import re
from typing import Any, Literal, get_args, get_origin

from workbench.measure.spread import Spread
from workbench.record_model import RecordModel

_UNITS = {
    "cents": "cents",
    "ms": "ms",
    "us": "µs",
    "s": "s",
    "hz": "Hz",
    "bytes": "bytes",
    "db": "dB",
    "semitones": "MIDI semitones",
    "samples": "samples",
    "rate": "share, 0 to 1",
    "relative": "ratio",
    "gmacs": "1e9 multiply-adds / s",
    "gbytes": "GB / s",
    "hours": "hours",
}


def key_types(model: type[RecordModel]) -> dict[str, Any]:
    """Returns the type of each key that a model writes, except `null_reasons`."""
    fields = {name: field.annotation for name, field in model.model_fields.items() if name != "null_reasons"}
    return fields | {name: field.return_type for name, field in model.model_computed_fields.items()}


def key_meanings(model: type[RecordModel]) -> dict[str, str]:
    """Returns the meaning of each key, from the `Attributes:` sections of the docstrings of a model and its bases."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        section = inspect.cleandoc(base.__doc__ or "").partition("\nAttributes:\n")[2].partition("\n\n")[0]
        for names, text in re.findall(r"^    ([\w, ]+): (.*(?:\n {5,}.*)*)", section, flags=re.MULTILINE):
            found |= dict.fromkeys(names.split(", "), " ".join(text.split()))
    return found


def summary(model: type[RecordModel]) -> str:
    """Returns the docstring of a model without its sections."""
    return inspect.cleandoc(model.__doc__ or "").partition("\nAttributes:")[0].strip()


def key_unit(name: str, annotation: Any) -> str:
    """Returns the unit of a key, from the end of its name; "" for a key that is no number or has no unit."""
    kinds = _kinds(annotation)
    return _UNITS.get(name.rsplit("_", 1)[-1], "") if kinds & {int, float, Spread} else ""


def models_in(annotation: Any) -> list[type[RecordModel]]:
    """Returns the models of records in the type of a key."""
    if isinstance(annotation, type) and issubclass(annotation, RecordModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in models_in(inner)]


def model_at(root: type[RecordModel], path: str) -> type[RecordModel]:
    """Returns the model of the part of a record at a dotted path."""
    model = root
    for key in path.split("."):
        (model,) = models_in(model.model_fields[key].annotation)
    return model


def _kinds(annotation: Any) -> set[Any]:
    """Returns the types that a type is made of."""
    inner = get_args(annotation) if get_origin(annotation) is not Literal else ()
    return {annotation}.union(*map(_kinds, inner))
