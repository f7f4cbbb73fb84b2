"""Which results of a choice can be ranked together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workbench.audit.comparability import Facts, difference, machine_facts
from workbench.audit.explain import Rejected
from workbench.errors import WorkbenchError
from workbench.records.metrics import Verdict
from workbench.records.result import Result
from workbench.records.run_folders import StoredResult


@dataclass(frozen=True)
class Entry:
    """One result of a choice under a unique name. `result` is `stored.result`, maybe judged again."""

    name: str
    stored: StoredResult
    result: Result

    @property
    def missing(self) -> str:
        """Why it has no point on the axes; "" if it has one."""
        deviation = self.result.deviation
        if deviation is not None and deviation.pitch.p95_cents is None:
            return f"deviation.pitch.p95_cents has no value: {deviation.pitch.null_reasons['p95_cents']}"
        return "" if self.result.speed else f"speed has no value: {self.result.null_reasons['speed']}"

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


def comparable_with(entries: list[Entry], facts: Callable[[Result], Facts], like: str | None) -> Ranked:
    """Finds the entries that can be ranked together.

    Args:
        entries: all entries of the choice.
        facts: what two results must share to be comparable.
        like: the name of the entry to compare with. Without it, the largest group of comparable entries that pass.

    Raises:
        WorkbenchError: if no entry has the name `like`, or two groups are the largest.
    """
    warnings: tuple[str, ...] = ()
    if like is None:
        like, warnings = _largest_group([entry for entry in entries if entry.passes], facts)
        if like is None:
            return Ranked(entries)
    reference = next((entry for entry in entries if entry.name == like), None)
    if reference is None:
        names = ", ".join(entry.name for entry in entries)
        raise WorkbenchError(f"--like {like}: no result has this name; the names are {names}")
    same, left_out = [], []
    for entry in entries:
        differences = difference(facts(entry.result), facts(reference.result))
        if differences:
            left_out.append(reject(entry, entry.result.verdict, (f"differs from {like} in {differences}",)))
        else:
            same.append(entry)
    return Ranked(same, tuple(left_out), warnings)


def _largest_group(passing: Sequence[Entry], facts: Callable[[Result], Facts]) -> tuple[str | None, tuple[str, ...]]:
    """The first name of the largest comparable group and a warning about the others; None if all are comparable."""
    groups: list[list[Entry]] = []
    for entry in passing:
        for group in groups:
            if not difference(facts(group[0].result), facts(entry.result)):
                group.append(entry)
                break
        else:
            groups.append([entry])
    if len(groups) < 2:
        return None, ()
    largest, next_largest = sorted(groups, key=len, reverse=True)[:2]
    if len(largest) == len(next_largest):
        first, second = groups[0][0], groups[1][0]
        raise WorkbenchError(
            f"the {len(passing)} that pass cannot be ranked together: {first.name} and {second.name} differ in "
            f"{difference(facts(first.result), facts(second.result))}; name fewer folders, or one group, for example "
            f"--like {largest[0].name}; the groups are {'; '.join(map(_group_name, groups))}"
        )
    others = "; ".join(_group_name(group) for group in groups if group is not largest)
    return largest[0].name, (
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
