"""Metrics: the numbers of a result by dotted path, and the outcome of a gate on one."""

import types
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from workbench.record_model import RecordModel

Verdict = Literal["pass", "fail", "inconclusive"]


class GateResult(RecordModel):
    """The outcome of one gate.

    Attributes:
        metric: The dotted path of the number.
        limit: The limit, as the recipe has it.
        value: The number; null if the result has none.
        passed: Whether the number is within the limit. Null if there is no number, or if it is a speedup whose rounds
            lie on both sides of the limit.
    """

    metric: str
    limit: str
    value: float | None
    passed: bool | None


def metric_value(metric: str, record: RecordModel) -> tuple[float | None, str]:
    """Returns the number at a dotted path and "", or None and the reason why there is none."""
    found: Any = record
    for key in metric.split("."):
        parent, found = found, getattr(found, key)
        if found is None:
            return None, parent.null_reasons[key]
    return float(found), ""


def metric_paths(model: type[BaseModel], prefix: str = "") -> list[str]:
    """Returns the dotted paths of all numbers of a model, also of optional ones. Lists and mappings have none."""
    paths: list[str] = []
    for name, field in model.model_fields.items():
        types_of_field = _union_members(field.annotation)
        sections = [kind for kind in types_of_field if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if sections:
            paths += metric_paths(sections[0], f"{prefix}{name}.")
        elif int in types_of_field or float in types_of_field:
            paths.append(prefix + name)
    return paths


def _union_members(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
