"""The pages of record keys and of metrics, written from the models that read and write records."""

import inspect
import re
import types
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, Literal, Union, get_args, get_origin

from tools.docs.formatting import escaped, table
from workbench.measure.spread import Spread
from workbench.record_model import RecordModel
from workbench.records.bench import BENCH_NAME, Bench
from workbench.records.profile import PROFILE_NAME, Profile
from workbench.records.result import RESULT_NAME, Result, gate_metrics
from workbench.records.soak import SOAK_NAME, Soak
from workbench.records.sweep import SWEEP_NAME, Sweep

Model = type[RecordModel]

RECORD_FILES: dict[str, tuple[Model, str]] = {
    RESULT_NAME: (Result, "run"),
    SWEEP_NAME: (Sweep, "sweep"),
    BENCH_NAME: (Bench, "bench"),
    PROFILE_NAME: (Profile, "profile"),
    SOAK_NAME: (Soak, "soak"),
}
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
_TYPES = {str: "text", int: "whole number", float: "number", bool: "true or false", Any: "any value"}
_METRICS_HEAD = """# Metrics for gates

A gate in a recipe limits one of these numbers: `deviation.pitch.p95_cents: <= 0.5`. The page is generated from the
models of the result. [Verdicts](../measure/verdicts.md) explains how gates decide the verdict.
"""
_RECORDS_HEAD = """# Record keys

This page is generated from the models that read and write the records. A record is a JSON file. Its keys keep their
names, and later versions add keys.

A number that could not be computed is null, never 0 and never NaN. Every part of a record can have the key
`null_reasons`, which maps each null key to the reason. The tables leave it out. A part that occurs in several places is
described once, where it occurs first.
"""


def records_page() -> str:
    """Returns the page of all keys of all records."""
    anchors: dict[Model, str] = {}
    parts = [
        (file, path, model)
        for file, (root, _) in RECORD_FILES.items()
        for path, model in _new_parts(root, "", file.removesuffix(".json"), anchors)
    ]
    sections = []
    for file, path, model in parts:
        columns = ("key", "type", "unit", "meaning")
        keys = table(_rows(model, anchors), columns)
        if path:
            head = f"### `{path}` {{ #{anchors[model]} data-toc-label='{path}' }}\n"
        else:
            head = f"## {file} {{ #{anchors[model]} }}\n\n`workbench {RECORD_FILES[file][1]}` writes this file.\n"
        sections.append(f"{head}\n{_summary(model)}\n\n{keys}")
    return "\n".join([_RECORDS_HEAD, *sections])


def _new_parts(model: Model, path: str, anchor: str, anchors: dict[Model, str]) -> Iterator[tuple[str, Model]]:
    """Yields the model and the parts in it that have no anchor yet, each with its path, and gives them an anchor."""
    anchors[model] = anchor
    yield path, model
    for name, kind in _keys(model).items():
        for part in _models_in(kind):
            if part not in anchors:
                below = f"{path}.{name}" if path else name
                yield from _new_parts(part, below, f"{anchor}-{name}", anchors)


def _keys(model: Model) -> dict[str, Any]:
    """Returns the type of each key that a model writes, except `null_reasons`."""
    fields = {name: field.annotation for name, field in model.model_fields.items() if name != "null_reasons"}
    return fields | {name: field.return_type for name, field in model.model_computed_fields.items()}


def _rows(model: Model, anchors: Mapping[Model, str]) -> Iterator[tuple[str, ...]]:
    meaning = meanings(model)
    for name, kind in _keys(model).items():
        yield f"`{name}`", _type(kind, anchors), unit(name, kind), escaped(meaning.get(name, ""))


def meanings(model: Model) -> dict[str, str]:
    """Returns the meaning of each key, from the `Attributes:` sections of the docstrings of a model and its bases."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        section = inspect.cleandoc(base.__doc__ or "").partition("\nAttributes:\n")[2].partition("\n\n")[0]
        for names, text in re.findall(r"^    ([\w, ]+): (.*(?:\n {5,}.*)*)", section, flags=re.MULTILINE):
            found |= dict.fromkeys(names.split(", "), " ".join(text.split()))
    return found


def keys_without_meaning(root: Model) -> list[str]:
    """Returns the keys of a record, parts included, whose models do not state their meaning."""
    parts = _new_parts(root, "", "", {})
    return [f"{path}.{name}" for path, model in parts for name in _keys(model) if name not in meanings(model)]


def _summary(model: Model) -> str:
    """Returns the docstring of a model without its sections."""
    return escaped(inspect.cleandoc(model.__doc__ or "").partition("\nAttributes:")[0])


def unit(name: str, annotation: Any) -> str:
    """Returns the unit of a key, from the end of its name; "" for a key that is no number or has no unit."""
    kinds = _kinds(annotation)
    return _UNITS.get(name.rsplit("_", 1)[-1], "") if kinds & {int, float, Spread} else ""


def _kinds(annotation: Any) -> set[Any]:
    """Returns the types that a type is made of."""
    inner = get_args(annotation) if get_origin(annotation) is not Literal else ()
    return {annotation}.union(*map(_kinds, inner))


def _type(annotation: Any, anchors: Mapping[Model, str]) -> str:
    """Returns the type of a key in words, with links to the parts."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return " or ".join("null" if kind is type(None) else _type(kind, anchors) for kind in inner)
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in inner)
    if origin is tuple:
        return f"list of {_type(inner[0], anchors)}"
    if origin is dict:
        return f"mapping of text to {_type(inner[1], anchors)}"
    if isinstance(annotation, type) and issubclass(annotation, RecordModel):
        return f"[part](#{anchors[annotation]})"
    return _TYPES[annotation]


def _models_in(annotation: Any) -> list[Model]:
    if isinstance(annotation, type) and issubclass(annotation, RecordModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models_in(inner)]


def metrics_page() -> str:
    """Returns the page of the metrics that gates can name."""
    sections = []
    for section, metrics in groupby(gate_metrics(), key=lambda metric: metric.rpartition(".")[0]):
        model, rows = _model_at(section), []
        meaning = meanings(model)
        for metric in metrics:
            name = metric.rpartition(".")[2]
            kind = _keys(model)[name]
            rows.append((f"`{metric}`", unit(name, kind), escaped(meaning.get(name, ""))))
        sections.append(
            f"## {section}\n\n{_summary(_model_at(section))}\n\n{table(rows, ('metric', 'unit', 'meaning'))}"
        )
    return "\n".join([_METRICS_HEAD, *sections])


def _model_at(path: str) -> Model:
    model: Model = Result
    for key in path.split("."):
        (model,) = _models_in(model.model_fields[key].annotation)
    return model
