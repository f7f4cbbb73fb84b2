"""Two runs held against each other: what changed, and what of it is worse than a tolerance allows."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from workbench.audit.comparability import Facts, audio_facts, difference, flatten, machine_facts, stream_facts
from workbench.audit.tolerances import Better, Tolerance
from workbench.errors import WorkbenchError
from workbench.records.metrics import Verdict, metric_value
from workbench.records.result import F0_NOT_KEPT, Result, gate_metrics
from workbench.records.run_folders import StoredResult

Judgement = Literal["worse", "better", "within tolerance", "not held", "not compared", "gone", "new"]
Held = Mapping[str, tuple[Better, Tolerance]]


@dataclass(frozen=True)
class Change:
    """A fact that is not the same; None where a side does not have it."""

    part: Literal["verdict", "recipe", "environment", "audio", "program"]
    key: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Figure:
    """A number that is not the same; None on the side that has none, and `why` then says why."""

    metric: str
    before: float | None
    after: float | None
    judgement: Judgement
    tolerance: str
    why: str = ""


@dataclass(frozen=True)
class Pair:
    """A variant before and after. `undecided` could not be held though it should be; `notes` need not be."""

    name: str
    before: str
    after: str
    has_programs: bool  # on both sides
    changes: tuple[Change, ...]
    figures: tuple[Figure, ...]
    regressions: tuple[str, ...]
    improvements: tuple[str, ...]
    undecided: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """All pairs, and what only one side has."""

    pairs: tuple[Pair, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        """fail: a regression; inconclusive: something of the reference could not be held; else pass."""
        if any(pair.regressions for pair in self.pairs):
            return "fail"
        undecided = self.only_before or any(pair.undecided for pair in self.pairs)
        return "inconclusive" if undecided else "pass"


def compare(before: Sequence[StoredResult], after: Sequence[StoredResult], held: Held) -> Comparison:
    """Pair the records by their recipes' names, or one with one whatever they are called, and compare each pair.

    Raises WorkbenchError where a side has two of a name, or no name is on both.
    """
    sides = [_by_name(side) for side in (before, after)]
    if len(before) == len(after) == 1:
        return Comparison((_pair(before[0], after[0], held),), (), ())
    names = [name for name in sides[0] if name in sides[1]]
    if not names:
        raise WorkbenchError(
            f"{', '.join(sides[0])} and {', '.join(sides[1])}: no variant is on both sides; name two variants' folders"
        )
    return Comparison(
        tuple(_pair(sides[0][name], sides[1][name], held) for name in names),
        tuple(name for name in sides[0] if name not in names),
        tuple(name for name in sides[1] if name not in names),
    )


def _by_name(side: Sequence[StoredResult]) -> dict[str, StoredResult]:
    found: dict[str, StoredResult] = {}
    for kept in side:
        name = kept.record.recipe.name
        if name in found:
            raise WorkbenchError(f"{name} is in {found[name].folder} and in {kept.folder}: name one run on each side")
        found[name] = kept
    return found


def _pair(before: StoredResult, after: StoredResult, held: Held) -> Pair:
    old, new = before.record, after.record
    names = dict.fromkeys((old.recipe.name, new.recipe.name))
    barriers = _incomparable_reasons(old, new)
    figures = _figures(old, new, held, barriers)
    regressions = [_moved(one) for one in figures if one.judgement == "worse"]
    improvements = [_moved(one) for one in figures if one.judgement == "better"]
    undecided = [f"deviation and accuracy are not compared: {barriers['deviation']}"] * bool(barriers["deviation"])
    undecided += _gone(figures) if new.program else []
    notes = []
    if old.program and not new.program and new.not_run_here:
        undecided.append(f"no program was made here: {new.not_run_here}")
    elif old.program and not new.program:
        regressions.insert(0, f"program is gone: {new.null_reasons['program']}")
    elif new.program and not old.program:
        improvements.insert(0, f"there is a program, and there was none: {old.null_reasons['program']}")
    elif not new.program:
        notes.append(f"neither side has a program: {new.null_reasons['program']}")
    if barriers["speed"]:
        notes.append(f"times are not compared: {barriers['speed']}")
    return Pair(
        " -> ".join(names),
        str(before.folder),
        str(after.folder),
        bool(old.program and new.program),
        tuple(_changes(old, new)),
        tuple(figures),
        tuple(regressions),
        tuple(improvements),
        tuple(undecided),
        tuple(notes),
    )


def _incomparable_reasons(old: Result, new: Result) -> dict[str, str]:
    """Why figures of a kind do not compare; "" where they do."""
    deviation = difference(stream_facts(old) | audio_facts(old), stream_facts(new) | audio_facts(new))
    machine = difference(machine_facts(old), machine_facts(new))
    stream = difference(stream_facts(old), stream_facts(new))
    return {"deviation": deviation, "speed": ", ".join(filter(None, (stream, machine)))}


def _changes(old: Result, new: Result) -> list[Change]:
    changes = [Change("verdict", "by its gates", old.verdict, new.verdict)] if old.verdict != new.verdict else []
    parts: dict[Literal["recipe", "environment", "audio", "program"], tuple[Facts, Facts]] = {
        "recipe": (flatten(old.recipe.resolved), flatten(new.recipe.resolved)),
        "environment": (_environment(old, new), _environment(new, old)),
        "audio": (_clips(old, new), _clips(new, old)),
        "program": (_program(old), _program(new)),
    }
    for part, (before, after) in parts.items():
        for key in dict.fromkeys((*before, *after)):
            if before.get(key) != after.get(key):
                changes.append(Change(part, key, before.get(key), after.get(key)))
    return changes


def _environment(record: Result, other: Result) -> Facts:
    told = bool(record.environment.libraries and other.environment.libraries)
    return flatten(record.environment.model_dump(exclude={"null_reasons"} | ({"libraries"} if not told else set())))


def _clips(record: Result, other: Result) -> Facts:
    """By their bytes, and by their known f0 where the other record has kept it too."""
    hashes = {f"{clip.role} {clip.name}": clip.sha256 for clip in record.audio}
    if any(clip.f0_sha256 == F0_NOT_KEPT for clip in (*record.audio, *other.audio)):
        return hashes
    return hashes | {f"known f0 of {clip.name}": clip.f0_sha256 for clip in record.audio}


def _program(record: Result) -> Facts:
    """What is in it; its numbers are among the figures."""
    kinds = {"sha256", "state", "schemes", "quantized_ops", "float_ops", "delegated_ops", "portable_ops"}
    return flatten(record.program.model_dump(mode="json", include=kinds)) if record.program else {}


def _figures(old: Result, new: Result, held: Held, barriers: Mapping[str, str]) -> list[Figure]:
    """Every number that is not the same on both sides."""
    figures = []
    for metric in gate_metrics():
        (before, _), (after, why) = metric_value(metric, old), metric_value(metric, new)
        if before == after:
            continue
        tolerance = str(held[metric][1]) if metric in held else ""
        kind = metric.split(".")[0]
        barrier = barriers["speed" if kind == "speed" else "deviation"] if kind not in ("program", "latency") else ""
        if barrier:
            judgement: Judgement = "not compared"
        elif before is None or after is None:
            judgement = "new" if before is None else "gone"
        elif metric not in held:
            judgement = "not held"
        else:
            judgement = _judged(before, after, *held[metric])
            if metric.startswith("speed.speedup_") and judgement != "within tolerance":
                if _same_program(old, new) and not held[metric][1].given:
                    judgement, why = "not held", "the same program and libraries: what moved is the machine"
                elif _overlap(old, new):
                    judgement, why = "within tolerance", "the spreads over rounds overlap"
        figures.append(Figure(metric, before, after, judgement, tolerance, barrier or why))
    return figures


def _judged(before: float, after: float, better: Better, tolerance: Tolerance) -> Judgement:
    if tolerance.allows(after - before, before):
        return "within tolerance"
    return "better" if (after > before) == (better == "higher") else "worse"


def _same_program(old: Result, new: Result) -> bool:
    """Whether the program is the same byte for byte, and so is what runs it and the baseline."""
    assert old.program and new.program
    libraries = {"torch", "executorch", "pesto"}
    places = [record.environment.model_dump(include=libraries) for record in (old, new)]
    return old.program.sha256 == new.program.sha256 and places[0] == places[1]


def _overlap(old: Result, new: Result) -> bool:
    """Whether the 10th to 90th percentiles of times faster, over rounds, have something in common."""
    assert old.speed and new.speed
    return old.speed.speedup.overlaps(new.speed.speedup)


def _gone(figures: Sequence[Figure]) -> list[str]:
    """Figures that are held and have no value any more, those with the same reason together."""
    by_reason: dict[str, list[str]] = {}
    for one in figures:
        if one.judgement == "gone" and one.tolerance:
            by_reason.setdefault(one.why, []).append(one.metric)
    return [f"no value any more for {', '.join(metrics)}: {why}" for why, metrics in by_reason.items()]


def _moved(one: Figure) -> str:
    return f"{one.metric} went from {shown(one.before)} to {shown(one.after)}{share(one)}, tolerance {one.tolerance}"


def share(one: Figure) -> str:
    """The change as a share of the reference, such as " (+12.5%)"; "" where there is none."""
    if not one.before or one.after is None:
        return ""
    return f" ({100 * (one.after - one.before) / abs(one.before):+.3g}%)"


def shown(value: Any) -> str:
    """A number or a fact in a line of text."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.0f}" if value.is_integer() and abs(value) >= 1000 else f"{value:.5g}"
    return str(value) if isinstance(value, str) else json.dumps(value)
