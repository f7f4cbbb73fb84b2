"""A figure of both sides on rendered sounds, and the null of one that was not measured."""

from typing import Generic, Self, TypeVar

from workbench.record_model import RecordModel

Figures = TypeVar("Figures", bound=RecordModel)


class BothSides(RecordModel, Generic[Figures]):
    """Figures of both sides, in the smallest calls.

    Attributes:
        baseline: The figures of the baseline.
        variant: The figures of the variant.
    """

    baseline: Figures | None
    variant: Figures | None

    @classmethod
    def absent(cls, reason: str) -> Self:
        """Returns a record without figures; `reason` says why."""
        return cls(baseline=None, variant=None, null_reasons={"baseline": reason, "variant": reason})
