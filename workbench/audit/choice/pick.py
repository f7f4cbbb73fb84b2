"""The choice of one variant: which pass, which of these are on the Pareto front, and which the objective prefers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from workbench.audit.choice.explain import (
    NEEDS_SPEED,
    Candidate,
    Choice,
    Dominated,
    Objective,
    Rejected,
    dominance_reason,
    reasons_for,
)
from workbench.audit.choice.grouping import Entry, comparable_with, machine_warning, reject
from workbench.audit.choice.nearest import nearest_to_pass
from workbench.audit.choice.pareto import Point, distance_to_ideal, pareto_front
from workbench.audit.clock import Clock, CommonClock, common_clock, p50_us_by, speedup_by
from workbench.audit.comparability import deviation_facts, speed_facts
from workbench.audit.verdict import confirm_pass, rejudge
from workbench.records.metrics import metric_value
from workbench.records.result import Result
from workbench.records.run_folders import StoredResult, unique_names
from workbench.storage.hashing import sha256_of

_SHOWN = {
    "over_50_cents_rate": "deviation.pitch.over_50_cents_rate",
    "delay_ms": "delay.variant.delay_ms",
    "tones_std_cents": "steadiness.variant.tones.std_cents",
    "tones_p95_cents": "steadiness.variant.tones.p95_cents",
}
"""Figures of a candidate that are shown and not ranked."""


def point_of(name: str, result: Result, clock: Clock) -> Point | None:
    """Returns the point of a result on the axes of the Pareto front; None if it lacks a value.

    `clock` is the one of its speed, the same for all points that are compared.
    """
    program, deviation, speedup = result.program, result.deviation, speedup_by(clock, result)
    if program is None or deviation is None or speedup is None or deviation.pitch.p95_cents is None:
        return None
    return Point(name, deviation.pitch.p95_cents, program.bytes, speedup)


def largest_floor_cents(results: Sequence[Result]) -> float:
    """Returns the largest p95 of the results' floors in cents, 0 if none has one.

    A smaller deviation means nothing: 16-bit dither on the input causes as much.
    """
    floors = [result.floor.pitch.p95_cents for result in results if result.floor]
    return max((floor for floor in floors if floor is not None), default=0.0)


def pick(
    stored: Sequence[StoredResult],
    objective: Objective,
    limits: Mapping[str, str | None] | None = None,
    like: str | None = None,
    clock: Clock | None = None,
) -> Choice:
    """Chooses among the results that pass.

    A stored pass is judged again by the current rules. A warning names the results whose verdict is not the stored one.

    Args:
        stored: the results to choose from.
        objective: what to prefer.
        limits: if given, all results are judged again with these limits overriding their own gates by metric.
        like: the name of one result. Results that are not comparable with it are left out. Without it the largest
            group of comparable results is ranked, and a warning names the other groups.
        clock: the clock of the speeds. Without it, that of the native host if all results that pass have it. A result
            without the speed of the given clock is inconclusive.

    Raises:
        WorkbenchError: if no result has the name `like`, or no group is the largest.
    """
    results = [confirm_pass(each.result) if limits is None else rejudge(each.result, limits) for each in stored]
    needed: Clock = clock or "session"
    entries = [Entry(*each, needed) for each in zip(unique_names(stored), stored, results, strict=True)]
    ranked = comparable_with(entries, speed_facts if objective in NEEDS_SPEED else deviation_facts, like)
    passing = [entry for entry in ranked.entries if entry.passes]
    rejected = tuple(_rejected(entry) for entry in ranked.entries if not entry.passes)
    warnings = (*_rejudged_warning(entries), *ranked.warnings)
    if not passing:
        choice = _no_winner(objective, rejected, ranked.left_out, warnings)
        return choice.replace(nearest=nearest_to_pass(ranked.entries))
    common = CommonClock(clock) if clock else common_clock({entry.name: entry.result for entry in passing})
    return _winner(objective, passing, common, rejected, ranked.left_out, warnings)


def _no_winner(
    objective: Objective, rejected: tuple[Rejected, ...], left_out: tuple[Rejected, ...], warnings: tuple[str, ...]
) -> Choice:
    inconclusive = sum(entry.verdict == "inconclusive" for entry in rejected)
    why = f"none of {len(rejected)} passes" + (f", {inconclusive} inconclusive" if inconclusive else "")
    return Choice(
        objective=objective,
        clock=None,
        winner=None,
        why=(why,),
        warnings=warnings,
        front=(),
        dominated=(),
        rejected=rejected,
        left_out=left_out,
        null_reasons={"winner": why, "clock": why},
    )


def _winner(
    objective: Objective,
    passing: Sequence[Entry],
    common: CommonClock,
    rejected: tuple[Rejected, ...],
    left_out: tuple[Rejected, ...],
    warnings: tuple[str, ...],
) -> Choice:
    other_machine = machine_warning(passing)
    points = {entry.name: point for entry in passing if (point := point_of(entry.name, entry.result, common.clock))}
    if other_machine:  # then the front is one of deviation and bytes
        points = {name: Point(name, point.cents, point.bytes) for name, point in points.items()}
    floor_cents = largest_floor_cents([entry.result for entry in passing])
    floored = {name: replace(point, cents=max(point.cents, floor_cents)) for name, point in points.items()}
    front = pareto_front(list(floored.values()))
    distances = {} if other_machine else distance_to_ideal(front.points, floor_cents)
    ranked = _ranked(objective, [points[point.name] for point in front.points], distances)
    candidates = {entry.name: _candidate(entry, common.clock, distances.get(entry.name)) for entry in passing}
    dominated = [
        Dominated(candidate=candidates[name], by=by, how=dominance_reason(floored[by[0]], floored[name]))
        for name, by in front.dominated.items()
    ]
    return Choice(
        objective=objective,
        clock=common.clock,
        clock_reason=common.reason,
        winner=candidates[ranked[0].name],
        why=reasons_for(objective, ranked, list(points.values()), distances, floor_cents),
        warnings=(*warnings, *other_machine),
        front=tuple(candidates[point.name] for point in ranked),
        dominated=tuple(dominated),
        rejected=rejected,
        left_out=left_out,
    )


def _rejudged_warning(entries: Sequence[Entry]) -> tuple[str, ...]:
    """A warning that names the results whose verdict here is not the stored one."""
    changes = [
        f"{entry.name} is {entry.result.verdict} (stored: {entry.stored.result.verdict})"
        for entry in entries
        if entry.result.verdict != entry.stored.result.verdict
    ]
    return (f"judged again, with other verdicts than the stored ones: {', '.join(changes)}",) if changes else ()


def _ranked(objective: Objective, front: Sequence[Point], distances: Mapping[str, float]) -> list[Point]:
    """The points of the front, the objective's choice first; points that it ranks equal by the other axes."""

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
                return distances[point.name], point.bytes, point.cents

    return sorted(front, key=key)


def _candidate(entry: Entry, clock: Clock, distance: float | None) -> Candidate:
    program, deviation = entry.result.program, entry.result.deviation
    speedup, p50_us = speedup_by(clock, entry.result), p50_us_by(clock, entry.result)
    assert program and deviation and speedup and p50_us and deviation.pitch.p95_cents is not None
    path = entry.stored.folder / program.path
    nulls = {}
    if not path.is_file():
        nulls["program"] = f"there is no {path}"
    elif sha256_of(path) != program.sha256:
        nulls["program"] = f"{path} is not the program of this result; a later run may have replaced it"
    figures = {name: metric_value(metric, entry.result) for name, metric in _SHOWN.items()}
    nulls |= {name: reason for name, (value, reason) in figures.items() if value is None}
    if distance is None:
        nulls["distance"] = "not on the front, or speeds are not comparable"
    return Candidate(
        name=entry.name,
        folder=str(entry.stored.folder),
        program=None if "program" in nulls else str(path),
        pitch_p95_cents=deviation.pitch.p95_cents,
        geometry_ms=entry.result.geometry_ms,
        **{name: value for name, (value, _) in figures.items()},
        bytes=program.bytes,
        p50_us=p50_us,
        speedup_low=speedup.low,
        speedup_p50=speedup.p50,
        speedup_high=speedup.high,
        distance=distance,
        null_reasons=nulls,
    )


def _rejected(entry: Entry) -> Rejected:
    """An entry that does not pass. One that would pass but has no point on the axes is inconclusive, not failed."""
    if entry.result.verdict == "pass":
        return reject(entry, "inconclusive", (entry.missing,))
    return reject(entry, entry.result.verdict, entry.result.reasons)
