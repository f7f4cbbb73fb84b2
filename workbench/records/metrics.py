"""Dotted paths into a record: which metrics there are, and what one is."""

import types
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from workbench.record_model import RecordModel

Verdict = Literal["pass", "fail", "inconclusive"]


class GateResult(RecordModel):
    """One gate held against the record; `passed` is null where the record has no number there, or one that does not
    decide it: a ratio of speeds whose rounds lie on both sides of the limit."""

    metric: str
    limit: str
    value: float | None
    passed: bool | None


def metric_value(metric: str, record: RecordModel) -> tuple[float | None, str]:
    """The number at a dotted path of the record, or None and why there is none."""
    found: Any = record
    for key in metric.split("."):
        parent, found = found, getattr(found, key)
        if found is None:
            return None, parent.null_reasons[key]
    return float(found), ""


def metric_paths(model: type[BaseModel], prefix: str = "") -> list[str]:
    """The dotted paths of all numbers in a record's model: what a gate can name. Lists are left out."""
    paths: list[str] = []
    for name, field in model.model_fields.items():
        kinds = _alternatives(field.annotation)
        if any(isinstance(kind, type) and issubclass(kind, BaseModel) for kind in kinds):
            section = next(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel))
            paths += metric_paths(section, f"{prefix}{name}.")
        elif int in kinds or float in kinds:
            paths.append(prefix + name)
    return paths


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
