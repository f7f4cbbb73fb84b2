"""Robustness: a variant's program is built, then both sides receive the same clips in each condition."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from workbench.audio.annotations import TRUTH_KINDS
from workbench.audio.decode import Clip
from workbench.errors import AudioError, RecipeError
from workbench.measure.alignment import fit_alignment
from workbench.measure.truth.conditions import Condition, conditions, range_conditions
from workbench.measure.truth.groups import group_accuracy
from workbench.measure.truth.kinds import known_frames, rpa50_change
from workbench.progress import Progress
from workbench.record_model import now_utc
from workbench.records.environment import environment
from workbench.records.result import recipe_used
from workbench.records.robustness import LARGEST_LOSS, ConditionAccuracy, Robustness
from workbench.runtime.isolation import IsolatedProcess
from workbench.runtime.open_program import run_program
from workbench.runtime.session import Frames
from workbench.runtime.state_protocol import StateHandling, protocol_of
from workbench.storage.locks import exclusive
from workbench.workflows.variant.baseline import BaselineCache, Request
from workbench.workflows.variant.build import build_to_run, check_no_result_replaced
from workbench.workflows.variant.prepare import PreparedVariant
from workbench.workflows.variant.result import clips_used

_Sides = list[tuple[Clip, Frames, Frames]]


def measure_robustness(
    variant: PreparedVariant,
    folder: Path,
    snrs_db: Sequence[float],
    gains_db: Sequence[float],
    progress: Progress,
    ranges: bool = True,
    fresh: bool = False,
    store: Path | None = None,
    baselines: Path | None = None,
) -> Robustness:
    """Builds the program in `folder` and measures its accuracy in each condition.

    Args:
        variant: The variant, with its clips.
        folder: The folder of the program. It may hold an earlier measurement, or the run of this variant.
        snrs_db: The signal-to-noise ratios.
        gains_db: The gains.
        progress: Receives the stages.
        ranges: Whether the rendered ranges of pitch are conditions too.
        fresh: Exports the program, and runs the baseline, even if they are cached.
        store: The cache of programs of all runs.
        baselines: The cache of the baseline's frames.

    Raises:
        RecipeError: The recipe has several streams.
        AudioError: No scored clip has a voiced known f0, or no calibration clip, so that the delay is unknown; or a
            rendered clip cannot be written.
        LoweringError: The program cannot be exported.
        ProgramError: The program does not run here.
        WorkbenchError: The folder has a result whose program would be replaced, or another process uses it.
        ChangedError: The checkpoint or the source changed during the measurement.
    """
    recipe, stream, source = variant.recipe, variant.stream, variant.recipe.source
    if stream.streams > 1:
        raise RecipeError([f"{source}: streams: expected 1 for a measurement of robustness, got {stream.streams}"])
    clips = [clip for clip in variant.scored_clips if clip.f0 is not None]
    if not any((clip.f0.hz > 0).any() for clip in clips if clip.f0 is not None):
        raise AudioError(f"{source}: no scored clip has a known, voiced f0; write one beside the audio, as NAME.csv")
    torch.set_num_threads(recipe.speed.threads)
    cache = BaselineCache(baselines, fresh)
    with exclusive(folder):
        check_no_result_replaced(folder, variant, fresh)
        program = build_to_run(variant, folder, progress, fresh, store)
        started_at, protocol = time.perf_counter(), protocol_of(recipe.protocol)

        def run_baseline(clip: Clip, handling: StateHandling) -> Frames:
            request = Request(clip, handling, (stream.frames_per_chunk,))
            return cache.frames(variant.baseline, recipe.speed.threads, request)

        alignment = fit_alignment(
            [(clip, run_baseline(clip, "continuous")) for clip in variant.calibration_clips], stream
        )
        if alignment.delay_ms is None:
            raise AudioError(
                f"{source}: no calibration clip has a known, voiced f0, so the delay is unknown; name some"
            )
        measured: list[ConditionAccuracy] = []
        in_ranges = tuple(range_conditions(stream.sample_rate_hz)) if ranges else ()
        count = 1 + len(snrs_db) + len(gains_db) + len(in_ranges)
        with progress.stage("robustness", count) as advance, IsolatedProcess() as child:
            for condition in (*conditions(clips, snrs_db, gains_db), *in_ranges):
                audio = [clip.samples for clip in condition.clips]
                handling, threads = protocol.variant, recipe.speed.threads
                found = child.call(run_program, folder / program.path, audio, None, handling, threads=threads)
                expected = [run_baseline(clip, protocol.baseline) for clip in condition.clips]
                sides = list(zip(condition.clips, expected, found, strict=True))
                measured += _accuracy(condition, sides, variant, alignment.delay_ms)
                advance(1)
        variant.check_unchanged()
    scored = (*clips, *(clip for condition in in_ranges for clip in condition.clips))
    return Robustness(
        created=now_utc(),
        recipe=recipe_used(recipe, variant.checkpoint_sha256),
        environment=environment(recipe.speed.threads),
        program=program,
        audio=clips_used(variant.calibration_clips, scored),
        delay_ms=alignment.delay_ms,
        threshold=recipe.scoring.voiced_confidence,
        conditions=tuple(measured),
        took_s=time.perf_counter() - started_at,
    )


def _accuracy(
    condition: Condition, sides: _Sides, variant: PreparedVariant, delay_ms: float
) -> Iterator[ConditionAccuracy]:
    """Yields the accuracy for each kind of truth that the clips have."""
    for kind in TRUTH_KINDS:
        of_kind = [side for side in sides if side[0].f0 and side[0].f0.kind == kind]
        frames = known_frames(of_kind, variant.stream, delay_ms)
        if frames is None:
            continue
        group = group_accuracy("condition", condition.name, frames, variant.recipe.scoring.voiced_confidence)
        change = rpa50_change(group.baseline, group.variant)
        nulls = group.null_reasons
        if change is None:
            nulls = {**nulls, "rpa50_change": nulls.get("baseline") or nulls.get("variant") or "no frame is voiced"}
        figures = {field: getattr(group, field) for field in type(group).model_fields if field != "null_reasons"}
        yield ConditionAccuracy(
            **figures,
            kind=kind,
            sound=condition.sound,
            clips=tuple(clip.name for clip, _, _ in of_kind),
            rpa50_change=change,
            below_baseline=change is not None and change < -LARGEST_LOSS,
            null_reasons=nulls,
        )
