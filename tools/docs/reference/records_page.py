"""The pages of record keys and of metrics, written from the models that read and write records."""

import types
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, Literal, Union, get_args, get_origin

from tools.docs.formatting import escaped, table
from workbench.audit.metric_list import list_metrics
from workbench.record_model import RecordModel
from workbench.records.bench import BENCH_NAME, Bench
from workbench.records.key_meanings import key_meanings, key_types, key_unit, model_at, models_in, summary
from workbench.records.profile import PROFILE_NAME, Profile
from workbench.records.result import RESULT_NAME, Result
from workbench.records.rivals import RIVALS_NAME, Rivals
from workbench.records.robustness import ROBUSTNESS_NAME, Robustness
from workbench.records.soak import SOAK_NAME, Soak
from workbench.records.sweep import SWEEP_NAME, Sweep

Model = type[RecordModel]

RECORD_FILES: dict[str, tuple[Model, str]] = {
    RESULT_NAME: (Result, "run"),
    SWEEP_NAME: (Sweep, "sweep"),
    BENCH_NAME: (Bench, "bench"),
    PROFILE_NAME: (Profile, "profile"),
    SOAK_NAME: (Soak, "soak"),
    RIVALS_NAME: (Rivals, "rivals"),
    ROBUSTNESS_NAME: (Robustness, "robustness"),
}
_TYPES = {str: "text", int: "whole number", float: "number", bool: "true or false", Any: "any value"}
_METRICS_HEAD = """# Metrics for gates

A gate in a recipe limits one of these numbers: `deviation.pitch.p95_cents: <= 0.5`. `workbench metrics` prints the same
list, and `workbench metrics latency` a part of it. `compare` uses the metrics that have a better direction. The page is
generated from the models of the result. [Verdicts](../measure/verdicts.md) explains how gates decide the verdict.
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
        sections.append(f"{head}\n{escaped(summary(model))}\n\n{keys}")
    return "\n".join([_RECORDS_HEAD, *sections])


def _new_parts(model: Model, path: str, anchor: str, anchors: dict[Model, str]) -> Iterator[tuple[str, Model]]:
    """Yields the model and the parts in it that have no anchor yet, each with its path, and gives them an anchor."""
    anchors[model] = anchor
    yield path, model
    for name, kind in key_types(model).items():
        for part in models_in(kind):
            if part not in anchors:
                below = f"{path}.{name}" if path else name
                yield from _new_parts(part, below, f"{anchor}-{name}", anchors)


def _rows(model: Model, anchors: Mapping[Model, str]) -> Iterator[tuple[str, ...]]:
    meaning = key_meanings(model)
    for name, kind in key_types(model).items():
        yield f"`{name}`", _type(kind, anchors), key_unit(name, kind), escaped(meaning.get(name, ""))


def keys_without_meaning(root: Model) -> list[str]:
    """Returns the keys of a record, parts included, whose models do not state their meaning."""
    parts = _new_parts(root, "", "", {})
    return [f"{path}.{name}" for path, model in parts for name in key_types(model) if name not in key_meanings(model)]


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


def metrics_page() -> str:
    """Returns the page of the metrics that gates can name."""
    sections = []
    for section, metrics in groupby(list_metrics(), key=lambda each: each.metric.rpartition(".")[0]):
        rows = [(f"`{each.metric}`", each.unit, each.better or "", escaped(each.meaning)) for each in metrics]
        columns = ("metric", "unit", "better", "meaning")
        sections.append(f"## {section}\n\n{escaped(summary(model_at(Result, section)))}\n\n{table(rows, columns)}")
    return "\n".join([_METRICS_HEAD, *sections])
