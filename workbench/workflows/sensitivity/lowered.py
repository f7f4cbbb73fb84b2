"""The largest effects of a sensitivity in programs that are built and run, as a check of the simulation."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from workbench.errors import LoweringError, NativeHostError, ProgramError
from workbench.measure.native_speed import NativeTurns
from workbench.measure.speed import TimingPlan
from workbench.measure.timing import as_calls, time_alternating
from workbench.progress import Progress
from workbench.record_model import now_utc
from workbench.records.metrics import metric_value
from workbench.records.search.sensitivity import SENSITIVITY_NAME, Effect, FloatProgram, LoweredEffect, Sensitivity
from workbench.runtime.isolation import IsolatedProcess
from workbench.runtime.native.session import NativeSession
from workbench.runtime.open_program import run_program
from workbench.runtime.session import Frames
from workbench.storage.json_files import write_json
from workbench.workflows.sensitivity.changes import Change, changes_of, with_keys
from workbench.workflows.sensitivity.simulation import Comparison
from workbench.workflows.variant.build import build_to_run
from workbench.workflows.variant.native import find_native_host
from workbench.workflows.variant.prepare import PreparedVariant, prepare

_FLOAT = "float"
_PLAN = TimingPlan(threads=1, rounds=10, chunks_per_round=25, warmup_chunks=20)


@dataclass(frozen=True)
class _Checked:
    """A program of one change: its effect, or why it does not run."""

    lowered: LoweredEffect | None
    program: Path | None
    reason: str = ""


def check_in_programs(
    record: Sensitivity,
    float_variant: PreparedVariant,
    folder: Path,
    checked: int,
    progress: Progress,
    store: Path | None,
) -> Sensitivity:
    """Returns the record with the largest effect of each of `checked` layers and keys checked in a program.

    Each program is compared with the float program. A change that no program can have keeps a null with the reason.
    """
    changes = {
        (change.target, change.choice): change for change in changes_of(float_variant.recipe, float_variant.model)
    }
    largest = [index for index in largest_effects(record.effects, checked) if not _is_checked(record.effects[index])]
    if not largest:
        return record
    found: dict[int, _Checked] = {}
    with progress.stage("check in programs", len(largest) + 1) as advance:
        program, frames = _build_and_run(float_variant, folder / "programs" / _FLOAT, progress, store)
        comparisons: dict[tuple[str, ...], Comparison] = {(): Comparison(float_variant, frames)}
        advance(1)
        for index in largest:
            effect = record.effects[index]
            change = changes[effect.target, effect.choice]
            found[index] = _check(change, float_variant, folder, comparisons, progress, store)
            advance(1)
    times_us, no_time = _time(
        float_variant, {-1: program} | {i: c.program for i, c in found.items() if c.program}, progress
    )
    effects = list(record.effects)
    for index, outcome in found.items():
        effects[index] = _with_program(effects[index], outcome, times_us.get(index), no_time)
    native_us = times_us.get(-1)
    figures = FloatProgram(
        program_bytes=program.stat().st_size,
        native_us=native_us,
        null_reasons={} if native_us is not None else {"native_us": no_time},
    )
    record = record.replace(created=now_utc(), effects=tuple(effects), float_program=figures, null_reasons={})
    write_json(record, folder / SENSITIVITY_NAME)
    return record


def largest_effects(effects: Sequence[Effect], count: int) -> list[int]:
    """Returns the indices of the largest effect on the pitch of each layer and key, the largest first."""

    def size(index: int) -> tuple[float, float]:
        effect = effects[index]
        return effect.pitch_p95_cents or 0.0, effect.confidence_p95 or 0.0

    largest: dict[str, int] = {}
    for index in sorted(range(len(effects)), key=size, reverse=True):
        if size(index) > (0.0, 0.0):
            largest.setdefault(effects[index].target, index)
    return list(largest.values())[:count]


def _is_checked(effect: Effect) -> bool:
    return effect.lowered is not None or effect.null_reasons["lowered"].startswith("does not")


def _check(
    change: Change,
    variant: PreparedVariant,
    folder: Path,
    comparisons: dict[tuple[str, ...], Comparison],
    progress: Progress,
    store: Path | None,
) -> _Checked:
    """Builds and runs the program of a change, and that of the exact stream if it is another than the float one."""
    try:
        key = (change.target,) if change.without else ()
        if key not in comparisons:
            exact = _prepared(variant, change.without)
            name = f"without-{change.target}"
            comparisons[key] = Comparison(
                variant, _build_and_run(exact, folder / "programs" / name, progress, store)[1]
            )
        place = folder / "programs" / f"{change.target}-{change.choice}"
        program, frames = _build_and_run(_prepared(variant, change.keys), place, progress, store)
    except (LoweringError, ProgramError) as error:
        return _Checked(None, None, f"does not lower or run: {' '.join(str(error).split())}")
    deviation = comparisons[key].deviation(frames)
    paths = {
        "pitch_p95_cents": "pitch.p95_cents",
        "over_50_cents_rate": "pitch.over_50_cents_rate",
        "confidence_p95": "confidence.p95",
    }
    values = {name: metric_value(path, deviation) for name, path in paths.items()}
    nulls = {name: reason for name, (value, reason) in values.items() if value is None}
    numbers = {name: value for name, (value, _) in values.items()}
    return _Checked(LoweredEffect(program_bytes=program.stat().st_size, null_reasons=nulls, **numbers), program)


def _prepared(variant: PreparedVariant, keys: Mapping[str, Any]) -> PreparedVariant:
    prepared = prepare(with_keys(variant.recipe, keys))
    return replace(prepared, calibration_clips=variant.calibration_clips, scored_clips=variant.scored_clips)


def _build_and_run(
    variant: PreparedVariant, folder: Path, progress: Progress, store: Path | None
) -> tuple[Path, list[Frames]]:
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / build_to_run(variant, folder, progress.child(folder.name), store=store).path
    samples = [clip.samples for clip in variant.calibration_clips]
    with IsolatedProcess(copied=True) as child:
        return program, child.call(run_program, program, samples, threads=variant.recipe.speed.threads)


def _time(variant: PreparedVariant, programs: dict[int, Path], progress: Progress) -> tuple[dict[int, float], str]:
    """Returns the median call of each program in the native host, in microseconds, or why there is none."""
    host = find_native_host(progress)
    if isinstance(host, NativeHostError):
        return {}, str(host)
    stream = variant.stream
    samples = np.concatenate([clip.samples for clip in variant.calibration_clips])
    calls = as_calls(samples, stream, stream.frames_per_chunk)
    plan = replace(_PLAN, threads=variant.recipe.speed.threads)
    try:
        with progress.stage("time"), ExitStack() as stack:
            sides = {
                index: NativeTurns(stack.enter_context(NativeSession(host, path, plan.threads)), calls)
                for index, path in programs.items()
            }
            times_ms = time_alternating(sides, plan)
    except (NativeHostError, ProgramError) as error:
        return {}, str(error)
    return {index: 1000 * float(np.median(times)) for index, times in times_ms.items()}, ""


def _with_program(effect: Effect, outcome: _Checked, native_us: float | None, no_time: str) -> Effect:
    nulls = {name: why for name, why in effect.null_reasons.items() if name not in ("lowered", "native_us")}
    if outcome.lowered is None:
        nulls["lowered"] = outcome.reason
    if native_us is None:
        nulls["native_us"] = outcome.reason or no_time
    return effect.replace(lowered=outcome.lowered, native_us=native_us, null_reasons=nulls)
