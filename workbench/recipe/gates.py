"""Limits that decide a verdict: "deviation.pitch.p95_cents: <= 0.01" in a recipe, a frozen Gate in Python."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, GetCoreSchemaHandler, StrictStr, TypeAdapter, ValidationInfo
from pydantic_core import CoreSchema, core_schema

from workbench.errors import did_you_mean, quote_value
from workbench.recipe.known_names import KnownNames
from workbench.recipe.messages import fail_validation

LIMIT_PATTERN = r"^(<=|>=) *[+-]?[0-9_]*\.?[0-9]+([eE][+-]?[0-9]+)?$"


@dataclass(frozen=True)
class Gate:
    """A limit on one number of the record: `metric` is its dotted path, `limit` has that metric's unit."""

    metric: str
    comparison: Literal["<=", ">="]
    limit: float

    def __str__(self) -> str:
        """The limit as a recipe writes it: "<= 0.01"."""
        return f"{self.comparison} {repr(self.limit).removesuffix('.0')}"

    def allows(self, value: float) -> bool:
        """Whether the value is within the limit."""
        return value <= self.limit if self.comparison == "<=" else value >= self.limit


def _known_metric(metric: str, info: ValidationInfo) -> str:
    vocabulary: KnownNames | None = info.context
    if vocabulary and metric not in vocabulary.metrics:
        fail_validation("is not a metric of the record" + did_you_mean(metric, vocabulary.metrics))
    return metric


def _limit(text: object) -> str:
    if text is None:
        fail_validation("null takes away an inherited gate, and none is inherited here")
    found = re.fullmatch(LIMIT_PATTERN, text) if isinstance(text, str) else None
    try:
        finite = found is not None and math.isfinite(float(found[0][2:]))
    except ValueError:
        finite = False
    if not finite:
        fail_validation(f"wants a limit such as '<= 0.01' or '>= 5', got {quote_value(text)}")
    return str(text)


def gates_of(limits: Mapping[str, str]) -> tuple[Gate, ...]:
    """The gates of a mapping metric -> limit that was found good, such as a stored recipe's."""
    return tuple(Gate(metric, text[:2], float(text[2:])) for metric, text in limits.items())  # type: ignore[arg-type]


def override_gates(gates: Iterable[Gate], limits: Mapping[str, str | None]) -> tuple[Gate, ...]:
    """The gates with the limits laid over them, as `extends` does: key by key, null takes a gate away.

    A null for what has no gate changes nothing: one file of limits serves recipes with different gates.
    """
    merged = {gate.metric: str(gate) for gate in gates} | dict(limits)
    return gates_of({metric: text for metric, text in merged.items() if text is not None})


class GatesFromMapping:
    """Reads gates from the mapping metric -> limit and writes them back as one."""

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
"""Limits in a file of their own, to lay over a recipe's gates; null takes one away."""
