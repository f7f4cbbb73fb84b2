"""Gates: limits that decide the verdict. A recipe has "deviation.pitch.p95_cents: <= 0.01", Python a frozen Gate."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, GetCoreSchemaHandler, StrictStr, TypeAdapter, ValidationInfo
from pydantic_core import CoreSchema, core_schema

from workbench.errors import did_you_mean, quote_value
from workbench.recipe.messages import fail_validation
from workbench.recipe.patterns import KnownNames

LIMIT_PATTERN = r"^(<=|>=) *[+-]?[0-9_]*\.?[0-9]+([eE][+-]?[0-9]+)?$"


@dataclass(frozen=True)
class Gate:
    """A limit on one number of a record: `metric` is its dotted path, `limit` has the unit of that metric."""

    metric: str
    comparison: Literal["<=", ">="]
    limit: float

    def __str__(self) -> str:
        """Returns the limit as a recipe has it: "<= 0.01"."""
        return f"{self.comparison} {repr(self.limit).removesuffix('.0')}"

    def allows(self, value: float) -> bool:
        """Whether the value is within the limit."""
        return value <= self.limit if self.comparison == "<=" else value >= self.limit


def _known_metric(metric: str, info: ValidationInfo) -> str:
    known_names: KnownNames | None = info.context
    if known_names and metric not in known_names.metrics:
        fail_validation("is not a metric of the record" + did_you_mean(metric, known_names.metrics))
    return metric


def _limit(text: object) -> str:
    if text is None:
        fail_validation("null removes an inherited gate, but none is inherited; remove the line, or give a limit")
    limit = re.fullmatch(LIMIT_PATTERN, text) if isinstance(text, str) else None
    try:
        valid = limit is not None and math.isfinite(float(limit[0][2:]))
    except ValueError:  # underscores in a place that Python does not allow
        valid = False
    if not valid:
        fail_validation(f"expected a limit such as '<= 0.01' or '>= 5', got {quote_value(text)}")
    return str(text)


def gates_of(limits: Mapping[str, str]) -> tuple[Gate, ...]:
    """Returns the gates of a mapping metric -> limit that is already validated, for example from a stored recipe."""
    return tuple(Gate(metric, text[:2], float(text[2:])) for metric, text in limits.items())  # type: ignore[arg-type]


def override_gates(gates: Iterable[Gate], limits: Mapping[str, str | None]) -> tuple[Gate, ...]:
    """Returns the gates with some limits replaced or added, as `extends` does it; null removes a gate.

    A null for a metric without a gate changes nothing, so one file of limits serves recipes with different gates.
    """
    merged = {gate.metric: str(gate) for gate in gates} | dict(limits)
    return gates_of({metric: text for metric, text in merged.items() if text is not None})


class GatesFromMapping:
    """Pydantic annotation: reads gates from a mapping metric -> limit, and writes them as one."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(
            gates_of,
            core_schema.dict_schema(
                core_schema.with_info_after_validator_function(_known_metric, core_schema.str_schema(strict=True)),
                core_schema.no_info_before_validator_function(_limit, core_schema.str_schema(pattern=LIMIT_PATTERN)),
            ),
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda gates: {gate.metric: str(gate) for gate in gates}
            ),
        )


GATE_OVERRIDES: TypeAdapter[dict[str, str | None]] = TypeAdapter(
    dict[
        Annotated[StrictStr, AfterValidator(_known_metric)],
        Annotated[str | None, BeforeValidator(lambda text: None if text is None else _limit(text))],
    ]
)
"""The content of a file of gates: limits that override a recipe's gates; null removes one."""
