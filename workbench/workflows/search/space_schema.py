"""The keys of the file of a search space, with their types and bounds."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from workbench.errors import did_you_mean, quote_value
from workbench.recipe import Gate
from workbench.recipe.gates import GatesFromMapping
from workbench.recipe.messages import FIXED, RANGE, fail_validation
from workbench.recipe.options import Scheme
from workbench.recipe.schema import RecipeModel
from workbench.recipe.sections import RecipeSection
from workbench.records.result import gate_metrics

Objective = Literal["smallest", "fastest", "both"]
OBJECTIVE_METRICS: Mapping[Objective, tuple[str, ...]] = {
    "smallest": ("program.bytes",),
    "fastest": ("speed.native.speedup_p50",),
    "both": ("program.bytes", "speed.native.speedup_p50"),
}
_MEASURED = ("deviation.", "program.", "speed.", "truth.", "contour.", "floor.", "delay.", "steadiness.")
_SECTIONS = ", ".join(section.removesuffix(".") for section in _MEASURED)
_SEARCHED = ("frontend", "frontend_tolerance", "lowering.", "quantization.")
_NOT_SEARCHED = ("quantization.parts", "quantization.everywhere", "lowering.backend", "lowering.scope")
SEARCHED_KEYS = tuple(
    key for key in RecipeModel.dotted_keys() if key.startswith(_SEARCHED) and key not in _NOT_SEARCHED
)
"""The recipe keys that a search can choose: those that leave the stream and its baseline as they are."""


class Range(RecipeSection):
    """All numbers between two limits; whole ones if both limits are."""

    low: int | float
    high: int | float
    log: bool = False

    @model_validator(mode="after")
    def _is_no_point(self) -> "Range":
        if not self.low < self.high:
            fail_validation(f"expected low < high, got {self.low} and {self.high}")
        if self.log and self.low <= 0:
            fail_validation(f"log: true requires low > 0, got {self.low}")
        return self


KeyChoices = Annotated[
    Annotated[list[Any], Tag(FIXED)] | Annotated[Range, Tag(RANGE)],
    Discriminator(lambda value: RANGE if isinstance(value, dict | Range) else FIXED),
]


class FirstStage(RecipeSection):
    """What a trial has to pass before a program is built."""

    seconds: float = Field(4.0, gt=0, description="Calibration audio to simulate, over all clips.")
    slack: float = Field(2.0, ge=1, description="How many times a limit may be exceeded there.")


class SpaceModel(RecipeSection):
    """The keys of the file of a space."""

    description: str = ""
    base: str = Field(description="The recipe whose keys are varied.")
    set: dict[str, Any] = Field({}, description="Recipe key -> the value that replaces the base recipe's.")
    keys: dict[str, KeyChoices] = Field({}, description="Recipe key -> its choices, or {low, high, log}.")
    layers: dict[str, list[Scheme]] = Field({}, description="Pattern of quantization.parts -> its schemes.")
    objective: Objective = Field("smallest", description="What to find: smallest, fastest, or both.")
    constraints: Annotated[tuple[Gate, ...], GatesFromMapping()] = Field(
        description="Limits as under gates in a recipe."
    )
    trials: int = Field(60, ge=1, le=100_000, description="Recipes to try.")
    seed: int = Field(0, ge=0, lt=2**31, description="Seed of the choices.")
    first_stage: FirstStage = FirstStage()

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, values: Any) -> Any:
        unknown = [key for key in values if key not in cls.model_fields]
        if unknown:
            near = did_you_mean(str(unknown[0]), cls.model_fields)
            fail_validation(f"{quote_value(unknown[0])} is not a key of a search space{near}")
        return values

    @field_validator("keys")
    @classmethod
    def _searchable(cls, keys: dict[str, KeyChoices]) -> dict[str, KeyChoices]:
        for key, choices in keys.items():
            if key == "quantization.parts" or key.startswith("quantization.parts."):
                fail_validation(f"{key} is chosen under layers; move it there")
            if key not in SEARCHED_KEYS:
                fail_validation(
                    f"{quote_value(key)} is not a key that can be searched{did_you_mean(key, SEARCHED_KEYS)}"
                )
            _check_choices(key, choices)
        return keys

    @field_validator("layers")
    @classmethod
    def _several_schemes(cls, patterns: dict[str, list[Scheme]]) -> dict[str, list[Scheme]]:
        for pattern, schemes in patterns.items():
            _check_choices(pattern, schemes)
        return patterns

    @field_validator("constraints")
    @classmethod
    def _measured(cls, gates: tuple[Gate, ...]) -> tuple[Gate, ...]:
        for gate in gates:
            if not gate.metric.startswith(_MEASURED):
                measured = [metric for metric in gate_metrics() if metric.startswith(_MEASURED)]
                near = did_you_mean(gate.metric, measured) or f"; it measures {_SECTIONS}"
                fail_validation(f"{gate.metric} is not measured in a search{near}")
        if not gates:
            fail_validation("expected at least one limit, such as deviation.pitch.p95_cents: <= 1")
        return gates

    @model_validator(mode="after")
    def _something_to_choose(self) -> "SpaceModel":
        if not self.keys and not self.layers:
            fail_validation("has nothing to choose; add keys or layers with several choices")
        both = [key for key in self.set if key in self.keys]
        if both:
            fail_validation(f"keys.{both[0]}: is under set too; remove it from one of them")
        return self


def _check_choices(name: str, choices: Range | Sequence[object]) -> None:
    if isinstance(choices, Range):
        return
    labels = [label_of(choice) for choice in choices]
    if len(labels) < 2:
        fail_validation(f"{name}: expected at least two choices, got {len(labels)}; set it in the base recipe instead")
    repeated = [label for label in labels if labels.count(label) > 1]
    if repeated:
        fail_validation(f"{name}: has {repeated[0]} twice; remove one")


def label_of(choice: object) -> str:
    """Returns a choice as text, as a trial stores it: JSON."""
    return json.dumps(choice, sort_keys=True)
