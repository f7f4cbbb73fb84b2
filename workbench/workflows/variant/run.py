"""One variant from recipe to result: built, scored, timed and judged, in a folder that is complete or unchanged."""

import gc
import shutil
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

import numpy as np

from workbench.errors import LoweringError, NotInstalledError, ProgramError, WorkbenchError
from workbench.measure.speed import Speed, TimingPlan
from workbench.measure.timing import time_pair
from workbench.progress import Progress, StageTimer
from workbench.records.metrics import Verdict
from workbench.records.result import RESULT_NAME, Result, read_result, recipe_used, write_result
from workbench.records.unfinished.scores import has_files_of
from workbench.records.unfinished.staging import recover, remove, staging_dir
from workbench.storage.locks import exclusive
from workbench.workflows.variant.baseline import BaselineCache
from workbench.workflows.variant.build import errors_name_folder, unsupported_reason
from workbench.workflows.variant.build_and_score import Ahead, build_and_score
from workbench.workflows.variant.native import find_native_side
from workbench.workflows.variant.prepare import PreparedVariant
from workbench.workflows.variant.result import begin_result, commit_result, judge, without_figures
from workbench.workflows.variant.score.call_sizes import time_sizes

_OF_THE_RUN = ("created", "recipe", "environment")  # the other fields describe what was measured


class Reused(StrEnum):
    """What a run took from an earlier one. Each member includes those before it."""

    NOTHING = "nothing"
    PROGRAM = "program"
    SCORES = "scores"  # only the timing was repeated, because it was inconclusive
    FIGURES = "figures"  # everything measured; only the verdict was taken again
    RESULT = "result"  # as it is


@dataclass(frozen=True)
class RunOutcome:
    """The result of one variant in its folder.

    `previous_verdict` is that of the result whose figures were judged again. `archived` are the earlier results that
    were moved to files beside the new one.
    """

    folder: Path
    result: Result
    reused: Reused
    previous_verdict: Verdict | None = None
    archived: tuple[Path, ...] = ()

    @property
    def is_measured(self) -> bool:
        """Whether something was measured, not only judged again."""
        return self.reused not in (Reused.RESULT, Reused.FIGURES)

    @property
    def program(self) -> Path | None:
        """The path of the program; None if there is none."""
        return None if self.result.program is None else self.folder / self.result.program.path


def run_variant(
    variant: PreparedVariant,
    folder: Path,
    progress: Progress,
    cache: BaselineCache,
    fresh: bool = False,
    store: Path | None = None,
    ahead: Ahead | None = None,
) -> RunOutcome:
    """Builds, scores, times and judges one variant.

    Leaves `result.json`, the program, frames and pictures in `folder`. A variant that cannot be lowered, or whose
    program does not run, is a result that fails. An earlier result with other figures is archived. After a kill at any
    moment the folder is as it was, and the same call continues from there.

    Args:
        variant: The variant, with its clips.
        folder: The folder of the variant. It may hold an earlier run.
        progress: Receives the stages.
        cache: The baseline's frames, shared by the variants of one run.
        fresh: Reuses nothing.
        store: The cache of programs of all runs.
        ahead: What `score_ahead` returned for this variant and folder; None if it was not called.

    Raises:
        ChangedError: The checkpoint or the source changed during the run.
        WorkbenchError: Another process uses the folder.
        OSError: The disk is full.
    """
    with exclusive(folder):
        recovered = recover(folder)
        try:
            earlier = None if fresh else find_result(folder, variant)
            if earlier is None:
                outcome = _measure(variant, folder, progress, cache, fresh, store, ahead)
            elif earlier.speed is not None and earlier.speed.is_inconclusive:
                outcome = _repeat_timing(earlier, variant, folder, progress)
            else:
                outcome = _rejudge(earlier, variant, folder)
        finally:
            gc.collect()  # models and pictures are cycles of references, which would stay in memory for long
    if recovered is None:
        return outcome
    return replace(outcome, archived=(recovered, *outcome.archived))


def _measure(
    variant: PreparedVariant,
    folder: Path,
    progress: Progress,
    cache: BaselineCache,
    fresh: bool,
    store: Path | None,
    ahead: Ahead | None,
) -> RunOutcome:
    """Measures everything in the staging folder, and moves it in at the end."""
    staging = staging_dir(folder)
    timer, result = StageTimer(), begin_result(variant)
    try:
        if ahead is not None and ahead.error is not None:
            raise ahead.error
        fresh = fresh and ahead is None
        built, scores = build_and_score(variant, folder, progress, cache, fresh, store, timer)
        program, is_reused = built.program, built.reused if ahead is None else ahead.built_before
        reused = Reused.PROGRAM if is_reused else Reused.NOTHING
        if scores is None:
            reason = built.unsupported_reason
            result = without_figures(result, variant, reason, program=program, not_run_here=reason)
        else:
            path = staging / program.path
            with errors_name_folder(staging, folder):
                if variant.stream.dynamic:
                    with timer.stage("speed of sizes"):
                        scores = scores.replace(sizes=time_sizes(variant, path, scores.sizes, progress))
                speed = _time(variant, path, progress, timer)
            result = result.replace(program=program, speed=speed, null_reasons={}, **scores.sections)
    except (LoweringError, ProgramError) as error:
        reused = Reused.NOTHING
        remove(staging)  # also the files of a program that did not repeat
        not_run_here = str(error) if isinstance(error, NotInstalledError) else ""
        result = without_figures(result, variant, str(error), not_run_here=not_run_here)
    result = result.replace(seconds=timer.seconds)
    return _finish(result, variant, folder, reused)


def _time(variant: PreparedVariant, program: Path, progress: Progress, timer: StageTimer) -> Speed:
    """Times the baseline and the program, in Python and in the native host, on all scored clips."""
    audio = np.concatenate([clip.samples for clip in variant.scored_clips])
    plan = TimingPlan(**dict(variant.recipe.speed))
    with timer.stage("speed"), progress.stage("speed"):
        native = find_native_side(program, plan.threads, progress)
        return time_pair(variant.baseline, program, audio, plan, native)


def _repeat_timing(earlier: Result, variant: PreparedVariant, folder: Path, progress: Progress) -> RunOutcome:
    """Replaces an inconclusive timing. Everything else stays as measured.

    A program that does not run this time is a result that fails, as it would be the first time.
    """
    assert earlier.program is not None
    shutil.rmtree(staging_dir(folder), ignore_errors=True)
    program, result, timer = folder / earlier.program.path, begin_result(variant), StageTimer(earlier.seconds)
    try:
        speed = _time(variant, program, progress, timer)
    except ProgramError as error:
        return _finish(without_figures(result, variant, str(error)), variant, folder, Reused.NOTHING)
    measured = {name: getattr(earlier, name) for name in Result.model_fields if name not in _OF_THE_RUN}
    result = result.replace(**measured | {"speed": speed, "seconds": timer.seconds})
    return _finish(result, variant, folder, Reused.SCORES)


def _rejudge(earlier: Result, variant: PreparedVariant, folder: Path) -> RunOutcome:
    """Judges the figures of an earlier result again: gates, description and the rules of a verdict may have changed."""
    recipe = recipe_used(variant.recipe, variant.checkpoint_sha256)
    result = judge(earlier.replace(recipe=recipe), variant)
    if result == earlier:
        return RunOutcome(folder, earlier, Reused.RESULT)
    write_result(result, folder)
    return RunOutcome(folder, result, Reused.FIGURES, previous_verdict=earlier.verdict)


def _finish(result: Result, variant: PreparedVariant, folder: Path, reused: Reused) -> RunOutcome:
    result = judge(result, variant)
    archived = commit_result(result, variant, folder)
    return RunOutcome(folder, result, reused, archived=() if archived is None else (archived,))


def find_result(folder: Path, variant: PreparedVariant) -> Result | None:
    """Returns the folder's result if it was made from the same things and all of its files are there."""
    try:
        result = read_result(folder / RESULT_NAME)
        program = result.program
        if result.fingerprint != variant.fingerprint or program is None or not program.is_intact_in(folder):
            return None
        if result.not_run_here:
            is_whole = result.not_run_here == unsupported_reason(program, variant.recipe)
        else:
            is_whole = has_files_of(folder, variant.scored_clips)
    except (WorkbenchError, OSError):
        return None
    return result if is_whole else None
