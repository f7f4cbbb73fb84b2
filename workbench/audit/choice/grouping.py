"""Which results of a choice can be ranked together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workbench.audit.choice.explain import Rejected
from workbench.audit.clock import Clock, no_native
from workbench.audit.comparability import Facts, difference, machine_facts
from workbench.errors import WorkbenchError
from workbench.records.metrics import Verdict
from workbench.records.result import Result
from workbench.records.run_folders import StoredResult

_FactsOf = Callable[[Result], Facts]


@dataclass(frozen=True)
class Entry:
    """One result of a choice under a unique name. `result` is `stored.result`, maybe judged again.

    `clock` is the one whose speed it needs.
    """

    name: str
    stored: StoredResult
    result: Result
    clock: Clock = "session"

    @property
    def missing(self) -> str:
        """Why it has no point on the axes; "" if it has one."""
        deviation = self.result.deviation
        if deviation is not None and deviation.pitch.p95_cents is None:
            return f"deviation.pitch.p95_cents has no value: {deviation.pitch.null_reasons['p95_cents']}"
        if self.result.speed is None:
            return f"speed has no value: {self.result.null_reasons['speed']}"
        reason = no_native(self.result) if self.clock == "native" else ""
        return f"speed.native has no value: {reason}" if reason else ""

    @property
    def passes(self) -> bool:
        """Whether it is a candidate."""
        return self.result.verdict == "pass" and not self.missing


@dataclass(frozen=True)
class Ranked:
    """The entries that are ranked, the others with what they differ in, and a warning about that."""

    entries: list[Entry]
    left_out: tuple[Rejected, ...] = ()
    warnings: tuple[str, ...] = ()


def reject(entry: Entry, verdict: Verdict, reasons: tuple[str, ...]) -> Rejected:
    """Returns an entry as one that is no candidate."""
    return Rejected(name=entry.name, folder=str(entry.stored.folder), verdict=verdict, reasons=reasons)


def comparable_with(entries: list[Entry], facts: _FactsOf, like: str | None) -> Ranked:
    """Finds the entries that can be ranked together.

    Args:
        entries: all entries of the choice.
        facts: what two results must share to be comparable.
        like: the name of the entry to compare with. Without it, the largest group of comparable entries that pass.

    Raises:
        WorkbenchError: if no entry has the name `like`, or two groups are the largest.
    """
    passing = [entry for entry in entries if entry.passes]
    if like is None:
        groups = _groups(passing, facts)
        if len(groups) < 2:
            return Ranked(entries)
        group, warnings = _largest_group(groups, facts)
    else:
        reference = next((entry for entry in entries if entry.name == like), None)
        if reference is None:
            names = ", ".join(entry.name for entry in entries)
            raise WorkbenchError(f"--like {like}: no result has this name; the names are {names}")
        group, warnings = _groups([reference, *passing], facts)[0], ()
    same, left_out = [], []
    for entry in entries:
        other = _conflicting_member(group, entry, facts)
        if other is None:
            same.append(entry)
        else:
            differences = difference(facts(entry.result), facts(other.result))
            left_out.append(reject(entry, entry.result.verdict, (f"differs from {other.name} in {differences}",)))
    return Ranked(same, tuple(left_out), warnings)


def _groups(entries: Sequence[Entry], facts: _FactsOf) -> list[list[Entry]]:
    """Each entry is in the first group of which every member is comparable with it."""
    groups: list[list[Entry]] = []
    for entry in entries:
        group = next((group for group in groups if _conflicting_member(group, entry, facts) is None), None)
        if group is None:
            groups.append([entry])
        else:
            group.append(entry)
    return groups


def _conflicting_member(group: Sequence[Entry], entry: Entry, facts: _FactsOf) -> Entry | None:
    """The first member that the entry is not comparable with; None if there is none.

    Every member counts: two that differ are both comparable with a third that lacks the fact.
    """
    return next((member for member in group if difference(facts(member.result), facts(entry.result))), None)


def _largest_group(groups: Sequence[list[Entry]], facts: _FactsOf) -> tuple[list[Entry], tuple[str, ...]]:
    """The largest of several groups, and a warning about the others."""
    largest, next_largest = sorted(groups, key=len, reverse=True)[:2]
    if len(largest) == len(next_largest):
        second = groups[1][0]
        first = _conflicting_member(groups[0], second, facts)
        assert first is not None
        differences = difference(facts(first.result), facts(second.result))
        raise WorkbenchError(
            f"the {sum(map(len, groups))} that pass cannot be ranked together: {first.name} and {second.name} differ "
            f"in {differences}; name fewer folders, or one group, for example --like {largest[0].name}; the "
            f"groups are {'; '.join(map(_group_name, groups))}"
        )
    others = "; ".join(_group_name(group) for group in groups if group is not largest)
    return largest, (
        f"not all that pass can be ranked together: only the largest group is ranked, {_group_name(largest)}; for "
        f"another group use --like NAME: {others}",
    )


def _group_name(group: Sequence[Entry]) -> str:
    return group[0].name + (f" and {len(group) - 1} more" if len(group) > 1 else "")


def machine_warning(passing: Sequence[Entry]) -> tuple[str, ...]:
    """Returns a warning if not all were timed on the same machine with the same number of threads."""
    for entry in passing[1:]:
        differences = difference(machine_facts(passing[0].result), machine_facts(entry.result))
        if differences:
            return (f"speeds are left out: {passing[0].name} and {entry.name} differ in {differences}",)
    return ()
