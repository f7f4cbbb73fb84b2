"""One line of `doctor`, and the groups that the lines form."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Item:
    """One thing that `doctor` looks for.

    Attributes:
        name: What it is.
        found: What was found; None if it is missing.
        adds: What it would add if it is missing.
        problem: What is wrong with what was found; "" if nothing is.
        fix: The command, or else the step, that adds it or solves the problem.
        is_required: Whether the workbench cannot work without it.
    """

    name: str
    found: str | None
    adds: str = ""
    problem: str = ""
    fix: str = ""
    is_required: bool = False

    @property
    def is_ok(self) -> bool:
        """Whether it was found and nothing is wrong with it."""
        return self.found is not None and not self.problem


@dataclass(frozen=True)
class Diagnosis:
    """The items by group, in the order in which they are printed."""

    groups: dict[str, tuple[Item, ...]]

    @property
    def is_ok(self) -> bool:
        """Whether everything that is required is there and in order."""
        return all(item.is_ok or not item.is_required for items in self.groups.values() for item in items)
