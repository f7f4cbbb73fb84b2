"""The base of every part of a record: a number that could not be computed is null with a reason, never 0 or NaN."""

from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator


class RecordModel(BaseModel):
    """A frozen part of a record. `null_reasons` says for each null field why there is no number."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    null_reasons: dict[str, str] = {}

    @model_validator(mode="after")
    def _each_null_has_a_reason(self) -> Self:
        nulls = {name for name in type(self).model_fields if getattr(self, name) is None}
        if nulls != set(self.null_reasons):
            raise ValueError(f"null fields {sorted(nulls)}, but reasons for {sorted(self.null_reasons)}")
        return self
