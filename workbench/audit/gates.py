"""Gates: limits on the figures of a record, and the verdict that follows."""

import types
from collections.abc import Iterable
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from workbench.recipe import Gate
from workbench.record_model import RecordModel

PITCH = "deviation.pitch."
# A limit on one of these keeps the pitch near upstream's. The bias is signed, and a constant 300 cents is no octave.
_HOLDS_PITCH = (
    *(PITCH + name for name in ("median_cents", "p95_cents", "max_cents", "max_untied_cents", "over_50_cents_rate")),
    "deviation_over_sizes.worst_p95_cents",
    "deviation_over_sizes.worst_max_untied_cents",
)
_RATIOS = ("speed.speedup_low", "speed.speedup_p50", "speed.speedup_high")

Verdict = Literal["pass", "fail", "inconclusive"]


class GateResult(RecordModel):
    """One gate held against the record; `passed` is null where the record has no number there, or one that does not
    decide it: a ratio of speeds whose rounds lie on both sides of the limit."""

    metric: str
    limit: str
    value: float | None
    passed: bool | None


def evaluate_gates(gates: Iterable[Gate], record: RecordModel) -> tuple[GateResult, ...]:
    """Hold each gate against the figure that its dotted path names in the record."""
    results = []
    for gate in gates:
        value, reason = metric_value(gate.metric, record)
        if value is None:
            nulls = dict.fromkeys(("value", "passed"), reason)
            results.append(GateResult(metric=gate.metric, limit=str(gate), value=None, passed=None, null_reasons=nulls))
        elif undecided := _inconclusive_reason(gate, record):
            nulls = {"passed": undecided}
            results.append(
                GateResult(metric=gate.metric, limit=str(gate), value=value, passed=None, null_reasons=nulls)
            )
        else:
            results.append(GateResult(metric=gate.metric, limit=str(gate), value=value, passed=gate.allows(value)))
    return tuple(results)


def no_pitch_gate_reason(gates: Iterable[Gate]) -> str:
    """Why the gates say nothing of the pitch, which is what a program is for; "" where one of them does."""
    if any(gate.comparison == "<=" and gate.metric in _HOLDS_PITCH for gate in gates):
        return ""
    return f"no gate holds its pitch to upstream's; give the recipe one, such as {PITCH}p95_cents: <= 1"


def _inconclusive_reason(gate: Gate, record: RecordModel) -> str:
    """Why a ratio of speeds does not decide a gate: its 10th to 90th percentile over rounds has the limit inside."""
    if gate.metric not in _RATIOS:
        return ""
    low, high = (metric_value(metric, record)[0] for metric in (_RATIOS[0], _RATIOS[-1]))
    if low is None or high is None or not low < gate.limit < high:
        return ""
    return (
        f"four fifths of its rounds lie between {low:.3g} and {high:.3g}, on both sides of the limit; time it with "
        "more rounds, or on a quiet machine"
    )


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
