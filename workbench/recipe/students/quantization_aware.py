"""The section `student.quantization_aware` of a recipe: epochs in which a student's layers round as in its program."""

from typing import Literal, Self

from pydantic import Field, model_validator

from workbench.recipe.messages import fail_validation
from workbench.recipe.sections import RecipeSection

AwareScheme = Literal["none", "int8-static", "int8-static-per-tensor"]
"""Schemes that a student can be trained for: those with ranges that a program stores."""


class QuantizationAware(RecipeSection):
    """Epochs after the others, in which the student's layers round to int8, so that its weights allow for that."""

    epochs: int = Field(0, ge=0, le=100_000, description="Times that the student receives each frame; 0 is off.")
    parts: dict[str, AwareScheme] = Field(
        {"encoder": "int8-static"},
        description="Part of the student -> scheme, as in quantization.parts of the recipe that will lower it.",
    )
    learning_rate: float = Field(
        1e-3, gt=0, le=1e6, description="The highest learning rate, after a tenth of the steps."
    )

    @model_validator(mode="after")
    def _has_an_effect(self) -> Self:
        changed = [name for name in ("parts", "learning_rate") if name in self.model_fields_set]
        if not self.epochs and changed:
            fail_validation(f"{' and '.join(changed)} has no effect with epochs: 0; set the epochs, or remove it")
        if self.epochs and not set(self.parts.values()) - {"none"}:
            fail_validation("parts: names nothing to round; use encoder: int8-static, or epochs: 0")
        return self
