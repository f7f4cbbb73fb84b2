"""One of many variants: those that pass, what of them is on the Pareto front, and which the objective chooses."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from workbench.audit.comparability import Facts, deviation_facts, difference, machine_facts, speed_facts
from workbench.audit.explain import (
    NEEDS_SPEED,
    Candidate,
    Choice,
    Dominated,
    Objective,
    Rejected,
    dominance_reason,
    reasons_for,
)
from workbench.audit.pareto import Point, distance_to_ideal, pareto_front
from workbench.audit.verdict import confirm_pass, rejudge
from workbench.errors import WorkbenchError
from workbench.records.result import Result
from workbench.records.run_folders import StoredResult, unique_names


@dataclass(frozen=True)
class _Entry:
    name: str
    kept: StoredResult
    record: Result  # as it is judged here

    @property
    def lacks(self) -> str:
        """Why it cannot be placed among the others, where it cannot."""
        deviation = self.record.deviation
        if deviation is not None and deviation.pitch.p95_cents is None:
            return f"deviation.pitch.p95_cents has no value: {deviation.pitch.null_reasons['p95_cents']}"
        return "" if self.record.speed else f"speed has no value: {self.record.null_reasons['speed']}"

    @property
    def passes(self) -> bool:
        return self.record.verdict == "pass" and not self.lacks


def point_of(name: str, record: Result) -> Point | None:
    """Where the record stands; None where it has no such figures."""
    program, deviation, speed = record.program, record.deviation, record.speed
    if program is None or deviation is None or speed is None or deviation.pitch.p95_cents is None:
        return None
    return Point(name, deviation.pitch.p95_cents, program.bytes, speed.speedup)


def largest_floor_cents(records: Sequence[Result]) -> float:
    """Below it a deviation means nothing: another sound card does as much. The largest of the records', 0 of none."""
    floors = [record.floor.pitch.p95_cents for record in records if record.floor]
    return max((floor for floor in floors if floor is not None), default=0.0)


def pick(
    kept: Sequence[StoredResult],
    objective: Objective,
    limits: Mapping[str, str | None] | None = None,
    like: str | None = None,
) -> Choice:
    """Choose among the records whose verdict is pass, by the current rules; with `limits`, judged again by these laid
    over their own gates. A warning names those whose verdict is not the stored one.

    `like` names one of them: those that do not compare with it are left out. Where none is named and not all compare,
    the largest group is ranked, and the warnings tell of the others. Raises WorkbenchError where no group is the
    largest, or the name is nobody's.
    """
    records = [confirm_pass(one.record) if limits is None else rejudge(one.record, limits) for one in kept]
    entries = [_Entry(*each) for each in zip(unique_names(kept), kept, records, strict=True)]
    rejudged = _rejudged(entries)
    facts = speed_facts if objective in NEEDS_SPEED else deviation_facts
    left_out: list[Rejected] = []
    of_others: tuple[str, ...] = ()
    if like is None:
        like, of_others = _largest_group([entry for entry in entries if entry.passes], facts)
    if like is not None:
        entries, left_out = _split_comparable(like, entries, facts)
    passing = [entry for entry in entries if entry.passes]
    rejected = [_rejected(entry) for entry in entries if not entry.passes]
    elsewhere = _timed_elsewhere(passing)
    if not passing:
        doubts = sum(one.verdict == "inconclusive" for one in rejected)
        why = f"none of {len(rejected)} passes" + (f", {doubts} inconclusive" if doubts else "")
        return Choice(
            objective=objective,
            winner=None,
            why=(why,),
            warnings=rejudged,
            front=(),
            dominated=(),
            rejected=tuple(rejected),
            left_out=tuple(left_out),
            null_reasons={"winner": why},
        )
    by_name = {entry.name: entry for entry in passing}
    points = {name: point for name, entry in by_name.items() if (point := point_of(name, entry.record))}
    if elsewhere:
        points = {name: Point(name, point.cents, point.bytes) for name, point in points.items()}
    floor_cents = largest_floor_cents([entry.record for entry in passing])
    told_apart = {name: replace(point, cents=max(point.cents, floor_cents)) for name, point in points.items()}
    ahead = pareto_front(list(told_apart.values()))
    far = distance_to_ideal(ahead.points, floor_cents) if not elsewhere else {}
    ranked = _ranked(objective, [points[point.name] for point in ahead.points], far)
    candidates = {name: _candidate(entry, far.get(name)) for name, entry in by_name.items()}
    return Choice(
        objective=objective,
        winner=candidates[ranked[0].name],
        why=reasons_for(objective, ranked, list(points.values()), far, floor_cents),
        warnings=(*rejudged, *of_others, *elsewhere),
        front=tuple(candidates[point.name] for point in ranked),
        dominated=tuple(
            Dominated(candidate=candidates[name], by=by, how=dominance_reason(told_apart[by[0]], told_apart[name]))
            for name, by in ahead.dominated.items()
        ),
        rejected=tuple(rejected),
        left_out=tuple(left_out),
    )


def _rejudged(entries: Sequence[_Entry]) -> tuple[str, ...]:
    """A warning that names the results whose verdict here is not the stored one."""
    changes = [
        f"{entry.name} is {entry.record.verdict} (stored: {entry.kept.record.verdict})"
        for entry in entries
        if entry.record.verdict != entry.kept.record.verdict
    ]
    return (f"judged again, with other verdicts than the stored ones: {', '.join(changes)}",) if changes else ()


def _split_comparable(
    like: str, entries: Sequence[_Entry], facts: Callable[[Result], Facts]
) -> tuple[list[_Entry], list[Rejected]]:
    """The entries that compare with the one of that name, and the others."""
    named = [entry for entry in entries if entry.name == like]
    if not named:
        raise WorkbenchError(f"--like {like}: no record is called so; there are {', '.join(e.name for e in entries)}")
    differs = {entry.name: difference(facts(entry.record), facts(named[0].record)) for entry in entries}
    others = [(entry, f"differs from {like} in {what}") for entry in entries if (what := differs[entry.name])]
    return (
        [entry for entry in entries if not differs[entry.name]],
        [
            Rejected(name=entry.name, folder=str(entry.kept.folder), verdict=entry.record.verdict, reasons=(what,))
            for entry, what in others
        ],
    )


def _largest_group(passing: Sequence[_Entry], facts: Callable[[Result], Facts]) -> tuple[str | None, tuple[str, ...]]:
    """Whom most of them compare with, and what to tell of the others; None where all compare."""
    kinds: list[list[_Entry]] = []
    for entry in passing:
        same = next((kind for kind in kinds if not difference(facts(kind[0].record), facts(entry.record))), None)
        if same is None:
            kinds.append([entry])
        else:
            same.append(entry)
    if len(kinds) < 2:
        return None, ()
    groups = [_and_more([entry.name for entry in kind]) for kind in kinds]
    largest, next_largest = sorted(kinds, key=len, reverse=True)[:2]
    one, other = (kind[0] for kind in kinds[:2])
    if len(largest) == len(next_largest):
        raise WorkbenchError(
            f"the {len(passing)} that pass cannot be ranked together: {one.name} and {other.name} differ in "
            f"{difference(facts(one.record), facts(other.record))}; name fewer folders, or a group with --like NAME, "
            f"as in --like {largest[0].name}; the groups: {'; '.join(groups)}"
        )
    others = "; ".join(group for group, kind in zip(groups, kinds, strict=True) if kind is not largest)
    return largest[0].name, (
        f"not all that pass can be ranked together: these are {_and_more([entry.name for entry in largest])}, the "
        f"largest group; for another, --like NAME: {others}",
    )


def _and_more(names: Sequence[str]) -> str:
    return names[0] + (f" and {len(names) - 1} like it" if len(names) > 1 else "")


def _timed_elsewhere(passing: Sequence[_Entry]) -> tuple[str, ...]:
    """A warning where not all were timed on the same machine; the front is then one of deviation and bytes."""
    for entry in passing[1:]:
        if what := difference(machine_facts(passing[0].record), machine_facts(entry.record)):
            return (f"speeds are left out: {passing[0].name} and {entry.name} differ in {what}",)
    return ()


def _ranked(objective: Objective, ahead: Sequence[Point], far: Mapping[str, float]) -> list[Point]:
    """The front, the objective's choice first; what is equal by it goes by the other axes."""

    def key(point: Point) -> tuple[float, ...]:
        slowness = -point.speedup.p50 if point.speedup else 0.0
        match objective:
            case "smallest":
                return point.bytes, point.cents, slowness
            case "most-accurate":
                return point.cents, point.bytes, slowness
            case "fastest":
                return slowness, point.cents, point.bytes
            case "balanced":
                return far[point.name], point.bytes, point.cents

    return sorted(ahead, key=key)


def _candidate(entry: _Entry, distance: float | None) -> Candidate:
    program, deviation, speed = entry.record.program, entry.record.deviation, entry.record.speed
    assert program and deviation and speed
    path = entry.kept.folder / program.path
    nulls = {}
    if not path.is_file():
        nulls["program"] = f"there is no {path}"
    elif hashlib.sha256(path.read_bytes()).hexdigest() != program.sha256:
        nulls["program"] = f"{path} is not the one of this record; a later run may have put it there"
    if distance is None:
        nulls["distance"] = "not on the front, or speeds do not compare"
    return Candidate.model_validate(
        {
            "name": entry.name,
            "folder": str(entry.kept.folder),
            "program": None if "program" in nulls else str(path),
            "pitch_p95_cents": deviation.pitch.p95_cents,
            "bytes": program.bytes,
            **{f"speedup_{end}": getattr(speed, f"speedup_{end}") for end in ("low", "p50", "high")},
            "distance": distance,
            "null_reasons": nulls,
        }
    )


def _rejected(entry: _Entry) -> Rejected:
    """One that passes is here because it lacks a figure: that is for nobody to call a failure."""
    verdict, reasons = entry.record.verdict, entry.record.reasons
    if verdict == "pass":
        verdict, reasons = "inconclusive", (entry.lacks,)
    return Rejected(name=entry.name, folder=str(entry.kept.folder), verdict=verdict, reasons=reasons)
