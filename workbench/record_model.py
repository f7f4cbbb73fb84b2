"""The base of every part of a record: a number that could not be computed is null with a reason, never 0 or NaN."""

from datetime import UTC, datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, model_validator

NOT_STATED = "the record does not state it; it was written by an earlier version"


class RecordModel(BaseModel):
    """A frozen part of a record. `null_reasons` has, for each field that is null, the reason why there is no number.

    A figure that a later version adds has the default None. A record from before then loads with a null and its reason.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    null_reasons: dict[str, str] = {}

    @model_validator(mode="before")
    @classmethod
    def _give_absent_figures_a_reason(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        absent = {name for name, field in cls.model_fields.items() if field.default is None} - set(data)
        reasons = data.get("null_reasons", {})
        if not absent or not isinstance(reasons, dict):
            return data
        return {**data, "null_reasons": dict.fromkeys(sorted(absent), NOT_STATED) | reasons}

    @model_validator(mode="after")
    def _each_null_has_a_reason(self) -> Self:
        nulls = {name for name in type(self).model_fields if getattr(self, name) is None}
        if nulls != set(self.null_reasons):
            raise ValueError(f"null fields {sorted(nulls)}, but reasons for {sorted(self.null_reasons)}")
        return self

    def replace(self, **changes: Any) -> Self:
        """Returns a copy with some fields replaced. Unlike pydantic's `model_copy(update=...)`, it validates the copy.

        Args:
            **changes: New values by field name. `null_reasons` is a field too: if a null field gets a value, or a field
                becomes null, the caller passes the new `null_reasons`.

        Raises:
            pydantic.ValidationError: A field is unknown, a value does not fit, or a null and its reason do not match.
        """
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self).model_validate(fields | changes)


def now_utc() -> str:
    """Returns the current time as a record stores it: UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
