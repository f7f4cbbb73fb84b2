"""Limits that decide a verdict: "deviation.pitch.p95_cents: <= 0.01" in a recipe, a frozen Gate in Python."""

import math
import re
from dataclasses import dataclass
from typing import Literal

from pydantic import GetCoreSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, core_schema

from workbench.recipe.problems import did_you_mean, show, wrong
from workbench.recipe.vocabulary import Vocabulary

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
    vocabulary: Vocabulary | None = info.context
    if vocabulary and metric not in vocabulary.metrics:
        wrong("is not a metric of the record" + did_you_mean(metric, vocabulary.metrics))
    return metric


def _limit(text: object) -> str:
    if text is None:
        wrong("null takes away an inherited gate, and none is inherited here")
    found = re.fullmatch(LIMIT_PATTERN, text) if isinstance(text, str) else None
    try:
        finite = found is not None and math.isfinite(float(found[0][2:]))
    except ValueError:
        finite = False
    if not finite:
        wrong(f"wants a limit such as '<= 0.01' or '>= 5', got {show(text)}")
    return str(text)


def _gates(limits: dict[str, str]) -> tuple[Gate, ...]:
    return tuple(Gate(metric, text[:2], float(text[2:])) for metric, text in limits.items())  # type: ignore[arg-type]


class GatesFromMapping:
    """Reads gates from the mapping metric -> limit and writes them back as one."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(
            _gates,
            core_schema.dict_schema(
                core_schema.with_info_after_validator_function(_known_metric, core_schema.str_schema(strict=True)),
                core_schema.no_info_before_validator_function(_limit, core_schema.str_schema(pattern=LIMIT_PATTERN)),
            ),
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda gates: {gate.metric: str(gate) for gate in gates}
            ),
        )
