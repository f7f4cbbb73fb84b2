"""Gates: limits that decide the verdict. A recipe has "deviation.pitch.p95_cents: <= 0.01", Python a frozen Gate."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    GetCoreSchemaHandler,
    StrictStr,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
)
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema

from workbench.errors import did_you_mean, quote_value
from workbench.recipe.messages import fail_validation
from workbench.recipe.patterns import KnownNames

LIMIT_PATTERN = r"^(<=|>=) *([+-]?[0-9_]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?) *([A-Za-z]*)$"

_UNITS: Mapping[str, Mapping[str, Decimal]] = {
    "bytes": {
        "bytes": Decimal(1),
        "kB": Decimal(1000),
        "MB": Decimal(10**6),
        "KiB": Decimal(2**10),
        "MiB": Decimal(2**20),
    },
    "ms": {"us": Decimal("0.001"), "ms": Decimal(1), "s": Decimal(1000)},
    "us": {"us": Decimal(1), "ms": Decimal(1000), "s": Decimal(10**6)},
}
"""By the last word of a metric's name, its unit: the units that a limit can have, and how many of it each is."""


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
        hint = did_you_mean(metric, known_names.metrics) or "; `workbench metrics` lists them"
        fail_validation("is not a metric of the record" + hint)
    return metric


def _limit(text: object) -> str:
    if text is None:
        fail_validation("null removes an inherited gate, but none is inherited; remove the line, or give a limit")
    limit = re.fullmatch(LIMIT_PATTERN, text) if isinstance(text, str) else None
    try:
        valid = limit is not None and math.isfinite(float(limit[2]))
    except ValueError:  # underscores in a place that Python does not allow
        valid = False
    if not valid:
        fail_validation(f"expected a limit such as '<= 0.01', '>= 5' or '<= 800 kB', got {quote_value(text)}")
    return str(text)


def _in_own_unit(metric: str, text: str) -> str:
    """Returns a limit as a number in the unit of its metric: "<= 800000" for "<= 800 kB"."""
    limit = re.fullmatch(LIMIT_PATTERN, text)
    assert limit is not None
    comparison, number, unit = limit.groups()
    if not unit:
        return text
    units = _UNITS.get(re.split(r"[._]", metric)[-1], {})
    if unit not in units:
        accepted = f"a number of {', '.join(units)}" if units else "a number without a unit"
        fail_validation(f"expected {accepted}, got {quote_value(text)}")
    return f"{comparison} {float(Decimal(number) * units[unit])!r}"


def _in_own_units(limits: dict[str, str | None]) -> dict[str, str | None]:
    numbers, problems = dict(limits), []
    for metric, text in limits.items():
        try:
            numbers[metric] = None if text is None else _in_own_unit(metric, text)
        except PydanticCustomError as error:
            problems.append(InitErrorDetails(type=error, loc=(metric,), input=text))
    if problems:
        raise ValidationError.from_exception_data("gates", problems)
    return numbers


def gates_of(limits: Mapping[str, str | None]) -> tuple[Gate, ...]:
    """Returns the gates of a mapping metric -> limit that is already validated. A null is no gate."""
    return tuple(
        Gate(metric, text[:2], float(text[2:]))  # type: ignore[arg-type]
        for metric, text in limits.items()
        if text is not None
    )


def override_gates(gates: Iterable[Gate], limits: Mapping[str, str | None]) -> tuple[Gate, ...]:
    """Returns the gates with some limits replaced or added, as `extends` does it; null removes a gate.

    A null for a metric without a gate changes nothing, so one file of limits serves recipes with different gates.
    """
    return gates_of({gate.metric: str(gate) for gate in gates} | dict(limits))


class GatesFromMapping:
    """Pydantic annotation: reads gates from a mapping metric -> limit, and writes them as one."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(
            lambda limits: gates_of(_in_own_units(limits)),
            core_schema.dict_schema(
                core_schema.with_info_after_validator_function(_known_metric, core_schema.str_schema(strict=True)),
                core_schema.no_info_before_validator_function(_limit, core_schema.str_schema(pattern=LIMIT_PATTERN)),
            ),
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda gates: {gate.metric: str(gate) for gate in gates}
            ),
        )


GATE_OVERRIDES: TypeAdapter[dict[str, str | None]] = TypeAdapter(
    Annotated[
        dict[
            Annotated[StrictStr, AfterValidator(_known_metric)],
            Annotated[str | None, BeforeValidator(lambda text: None if text is None else _limit(text))],
        ],
        AfterValidator(_in_own_units),
    ]
)
"""The content of a file of gates: limits that override a recipe's gates; null removes one."""
