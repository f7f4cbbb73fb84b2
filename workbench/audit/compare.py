"""The comparison of two runs: what changed, and which metrics got worse than their tolerance allows."""

from collections.abc import Mapping, Sequence
from typing import Literal

from workbench.audit.clock import Clock, native_speed, no_native, speedup_by
from workbench.audit.comparability import Facts, audio_facts, difference, flatten, machine_facts, stream_facts
from workbench.audit.comparison import Change, Comparison, Figure, Judgement, Pair, share, shown
from workbench.audit.tolerances import Better, Tolerance
from workbench.audit.weight_groups import weight_groups
from workbench.errors import WorkbenchError
from workbench.records.metrics import metric_value
from workbench.records.result import F0_NOT_KEPT, Result, gate_metrics
from workbench.records.run_folders import StoredResult

Tolerances = Mapping[str, tuple[Better, Tolerance]]
_NO_TOLERANCE: Judgement = "no tolerance"
_NATIVE = "speed.native"


def compare(before: Sequence[StoredResult], after: Sequence[StoredResult], tolerances: Tolerances) -> Comparison:
    """Compares results in pairs of the same recipe name. A single result is paired with a single one of any name.

    Args:
        before: the reference.
        after: what is compared with it.
        tolerances: for each compared metric its better direction and how much worse it may get.

    Raises:
        WorkbenchError: if a side has two results of the same name, or no name is on both sides.
    """
    if len(before) == len(after) == 1:
        return Comparison((_pair(before[0], after[0], tolerances),), (), ())
    old, new = _by_name(before), _by_name(after)
    names = [name for name in old if name in new]
    if not names:
        raise WorkbenchError(
            f"{', '.join(old)} and {', '.join(new)}: no variant is on both sides; name the folders of two variants"
        )
    return Comparison(
        pairs=tuple(_pair(old[name], new[name], tolerances) for name in names),
        only_before=tuple(name for name in old if name not in names),
        only_after=tuple(name for name in new if name not in names),
    )


def _by_name(side: Sequence[StoredResult]) -> dict[str, StoredResult]:
    found: dict[str, StoredResult] = {}
    for stored in side:
        name = stored.result.recipe.name
        if name in found:
            raise WorkbenchError(f"{name} is in {found[name].folder} and in {stored.folder}; name one run on each side")
        found[name] = stored
    return found


def _pair(before: StoredResult, after: StoredResult, tolerances: Tolerances) -> Pair:
    old, new = before.result, after.result
    barriers = _incomparable_reasons(old, new)
    figures = _figures(old, new, tolerances, barriers)
    regressions = [_described(figure) for figure in figures if figure.judgement == "worse"]
    improvements = [_described(figure) for figure in figures if figure.judgement == "better"]
    inconclusive, notes = [], []
    if barriers["deviation"]:
        inconclusive.append(f"deviation and accuracy are not compared: {barriers['deviation']}")
    if new.program:
        inconclusive += _lost_values(figures, tolerances, new)
    if old.program and not new.program and new.not_run_here:
        inconclusive.append(f"no program was built here: {new.not_run_here}")
    elif old.program and not new.program:
        regressions.insert(0, f"program is gone: {new.null_reasons['program']}")
    elif new.program and not old.program:
        improvements.insert(0, f"there is a program now, and there was none: {old.null_reasons['program']}")
    elif not new.program:
        notes.append(f"neither side has a program: {new.null_reasons['program']}")
    if barriers["speed"]:
        notes.append(f"times are not compared: {barriers['speed']}")
    elif native_speed(old) and new.speed and not native_speed(new):
        notes.append(f"native times are not compared: {no_native(new)}")
    return Pair(
        name=" -> ".join(dict.fromkeys((old.recipe.name, new.recipe.name))),
        before=str(before.folder),
        after=str(after.folder),
        has_programs=bool(old.program and new.program),
        changes=tuple(_changes(old, new)),
        figures=tuple(figures),
        regressions=tuple(regressions),
        improvements=tuple(improvements),
        inconclusive=tuple(inconclusive),
        notes=tuple(notes),
    )


def _incomparable_reasons(old: Result, new: Result) -> dict[str, str]:
    """Why deviations and speeds are not comparable; "" if they are."""
    stream = difference(stream_facts(old), stream_facts(new))
    audio = difference(audio_facts(old), audio_facts(new))
    machine = difference(machine_facts(old), machine_facts(new))
    return {
        "deviation": ", ".join(filter(None, (stream, audio))),
        "speed": ", ".join(filter(None, (stream, machine))),
    }


def _changes(old: Result, new: Result) -> list[Change]:
    changes = [Change("verdict", "by its gates", old.verdict, new.verdict)] if old.verdict != new.verdict else []
    parts: dict[Literal["recipe", "environment", "audio", "program"], tuple[Facts, Facts]] = {
        "recipe": (flatten(old.recipe.resolved), flatten(new.recipe.resolved)),
        "environment": _environments(old, new),
        "audio": _clips(old, new),
        "program": (_program(old), _program(new)),
    }
    for part, (before, after) in parts.items():
        for key in dict.fromkeys((*before, *after)):
            if before.get(key) != after.get(key):
                changes.append(Change(part, key, before.get(key), after.get(key)))
    return changes


def _environments(old: Result, new: Result) -> tuple[Facts, Facts]:
    """Both environments; the libraries only if both sides have them, as stored results in docs/ have none."""
    left_out = (
        {"null_reasons"} if old.environment.libraries and new.environment.libraries else {"null_reasons", "libraries"}
    )
    before, after = (flatten(result.environment.model_dump(exclude=left_out)) for result in (old, new))
    return before, after


def _clips(old: Result, new: Result) -> tuple[Facts, Facts]:
    """The clips of both sides by their samples, and by their known f0 if both sides have its hash."""
    has_f0 = all(clip.f0_sha256 != F0_NOT_KEPT for result in (old, new) for clip in result.audio)

    def facts(result: Result) -> Facts:
        hashes = {f"{clip.role} {clip.name}": clip.sha256 for clip in result.audio}
        f0_hashes = {f"known f0 of {clip.name}": clip.f0_sha256 for clip in result.audio} if has_f0 else {}
        return hashes | f0_hashes

    return facts(old), facts(new)


def _program(result: Result) -> Facts:
    """What the program consists of; its numbers are among the figures."""
    program = result.program
    if program is None:
        return {}
    keys = {
        "sha256",
        "state",
        "schemes",
        "quantized_ops",
        "float_ops",
        "delegated_ops",
        "portable_ops",
        "bytes_by_part",
    }
    weights = {f"weights.{group.kind}.{group.scheme}": group.text() for group in weight_groups(program.weights)}
    return flatten(program.model_dump(mode="json", include=keys)) | weights


def _figures(old: Result, new: Result, tolerances: Tolerances, barriers: Mapping[str, str]) -> list[Figure]:
    """Every metric that differs."""
    figures = []
    for metric in gate_metrics():
        (before, _), (after, no_value) = metric_value(metric, old), metric_value(metric, new)
        if before == after:
            continue
        judgement, why = _judge(metric, old, new, tolerances, barriers)
        tolerance = str(tolerances[metric][1]) if metric in tolerances else ""
        figures.append(Figure(metric, before, after, judgement, tolerance, why or no_value))
    return figures


def _judge(
    metric: str, old: Result, new: Result, tolerances: Tolerances, barriers: Mapping[str, str]
) -> tuple[Judgement, str]:
    """The judgement of a metric that differs, and the reason if it is not only the values."""
    barrier = _barrier(metric, barriers)
    if barrier:
        return "not compared", barrier
    before, after = metric_value(metric, old)[0], metric_value(metric, new)[0]
    if before is None:
        return "new", ""
    if after is None:
        return "gone", ""
    if metric not in tolerances:
        return _NO_TOLERANCE, ""
    better, tolerance = tolerances[metric]
    if tolerance.allows(after - before, before):
        return "within tolerance", ""
    section, _, name = metric.rpartition(".")
    if section in ("speed", _NATIVE) and name.startswith("speedup_"):
        if _same_program(old, new) and not tolerance.given:
            return _NO_TOLERANCE, "same program and libraries, so only the machine changed"
        clock: Clock = "native" if section == _NATIVE else "session"
        speedup, new_speedup = speedup_by(clock, old), speedup_by(clock, new)
        assert speedup and new_speedup
        if speedup.overlaps(new_speedup):
            return "within tolerance", "the ranges over the rounds overlap"
    return ("better" if (after > before) == (better == "higher") else "worse"), ""


def _barrier(metric: str, barriers: Mapping[str, str]) -> str:
    match metric.split(".")[0]:
        case "program" | "latency":
            return ""
        case "speed":
            return barriers["speed"]
    return barriers["deviation"]


def _same_program(old: Result, new: Result) -> bool:
    """Whether the program has the same bytes, and the same libraries run it and the baseline."""
    assert old.program and new.program
    libraries = {"torch", "executorch", "pesto"}
    old_libraries, new_libraries = (result.environment.model_dump(include=libraries) for result in (old, new))
    return old.program.sha256 == new.program.sha256 and old_libraries == new_libraries


def _lost_values(figures: Sequence[Figure], tolerances: Tolerances, new: Result) -> list[str]:
    """The metrics with a tolerance that have lost their value, those with the same reason in one line.

    If only the native host is missing, the speed of the session is compared, and the user's own tolerances count.
    """
    by_reason: dict[str, list[str]] = {}
    for figure in figures:
        if figure.judgement != "gone" or figure.metric not in tolerances:
            continue
        if figure.metric.startswith(_NATIVE) and new.speed and not tolerances[figure.metric][1].given:
            continue
        by_reason.setdefault(figure.why, []).append(figure.metric)
    return [f"no value any more for {', '.join(metrics)}: {why}" for why, metrics in by_reason.items()]


def _described(figure: Figure) -> str:
    values = f"{shown(figure.before)} to {shown(figure.after)}{share(figure)}"
    return f"{figure.metric} changed from {values}, tolerance {figure.tolerance}"
