"""The sentence: recipe -> audio -> model -> program -> sessions -> figures -> record."""

import gc
import shutil
import time
from pathlib import Path

import numpy as np

from workbench.audit.verdict import judge_result
from workbench.errors import LoweringError, NotInstalledError, ProgramError, WorkbenchError
from workbench.export.program_file import FILE_NAMES
from workbench.measure.call_sizes import no_sizes
from workbench.measure.speed import ColdStart, Speed, TimingPlan
from workbench.measure.timing import time_pair
from workbench.progress import Progress
from workbench.record_model import now_utc
from workbench.records.environment import environment
from workbench.records.result import (
    RESULT_NAME,
    AlgorithmicLatency,
    ClipUsed,
    Result,
    read_record,
    recipe_used,
    write_record,
)
from workbench.records.resume import has_files_of, load_scores, save_scores
from workbench.records.staging import FIGURES, commit, recover, remove, staging_dir
from workbench.runtime.session import Frames
from workbench.runtime.state_protocol import protocol_of
from workbench.storage.locks import exclusive
from workbench.workflows.build import build_in_staging, trial_run, unsupported_reason
from workbench.workflows.variant.prepare import PreparedVariant
from workbench.workflows.variant.score import score


def run(
    job: PreparedVariant,
    folder: Path,
    progress: Progress,
    rolled: dict[str, Frames],
    fresh: bool = False,
    store: Path | None = None,
) -> tuple[Result, str]:
    """Build, score, time and judge one variant; leaves `result.json`, the program, frames and pictures in `folder`.

    `rolled` keeps the baseline's frames for variants of the same stream, `store` the programs of all runs. Returns the
    record and what was used again ("" for nothing, "program", "scores" where only the times were taken anew, as they
    were in doubt, "figures" where they were only judged again, "result").
    A variant that cannot be lowered or does not run is a record that fails. An earlier record with other figures is
    kept beside the new one. Killed at any moment, the folder stays as it was, and the same call goes on from there.

    Raises WorkbenchError while another process is at work in the folder, and OSError where the disk is full.
    """
    with exclusive(folder):
        _tell(recover(folder), progress)
        if not fresh and (earlier := _recorded_before(folder, job)) is not None:
            if earlier.speed is not None and earlier.speed.is_inconclusive:
                return _timed_again(earlier, job, folder, progress)
            return _judged_again(earlier, job, folder)
        try:
            return _measured(job, folder, progress, rolled, fresh, store)
        finally:
            gc.collect()  # models and pictures are rings of references, and among so many objects would wait for long


def _measured(
    job: PreparedVariant, folder: Path, progress: Progress, rolled: dict[str, Frames], fresh: bool, store: Path | None
) -> tuple[Result, str]:
    """All of a variant, made beside what the folder has and moved in at the end."""
    place = staging_dir(folder)
    if fresh:
        shutil.rmtree(place, ignore_errors=True)
    began = time.perf_counter()
    seconds: dict[str, float] = {}
    recipe = job.recipe
    record = begun(job)
    try:
        program, start, reused = build_in_staging(job, place, progress, fresh, store, folder)
        remove(place, tuple(name for name in FILE_NAMES if name not in program.files))  # a killed run's, of other keys
        seconds["build"] = time.perf_counter() - began
        if isinstance(start, str):
            remove(place, FIGURES)
            record = unmeasured(record.model_copy(update={"program": program, "not_run_here": start}), job, start)
        else:
            made_from = (job.fingerprint, program.sha256)
            if (figures := load_scores(place, made_from, job.score, seconds)) is None:
                remove(place, FIGURES)
                figures = score(job, place / program.path, place, progress, rolled, seconds)
                job.check_unchanged()
                save_scores(place, made_from, seconds, figures)
            speed = _timed(job, place / program.path, start, progress, seconds)
            record = record.model_copy(update={**figures, "program": program, "speed": speed, "null_reasons": {}})
    except (LoweringError, ProgramError) as error:
        reused = False
        remove(place)  # also of what did not repeat
        why = str(error).replace(str(place), str(folder))
        if isinstance(error, NotInstalledError):
            record = record.model_copy(update={"not_run_here": why})
        record = unmeasured(record, job, why)
    record = judge_result(
        record.model_copy(update={"seconds": seconds}), recipe.gates, recipe.scoring.min_voiced_frames
    )
    move_in(record, job, folder, progress)
    return record, "program" if reused else ""


def _timed(
    job: PreparedVariant, program: Path, start: ColdStart, progress: Progress, seconds: dict[str, float]
) -> Speed:
    """Both sides raced on all scored clips; `seconds` hears how long it took."""
    began = time.perf_counter()
    progress.report("speed", 0, 1)
    audio = np.concatenate([clip.samples for clip in job.score])
    speed = time_pair(job.baseline, program, audio, TimingPlan(**dict(job.recipe.speed)), start)
    seconds["speed"] = time.perf_counter() - began
    progress.report("speed", 1, 1)
    return speed


def _timed_again(earlier: Result, job: PreparedVariant, folder: Path, progress: Progress) -> tuple[Result, str]:
    """A record whose times are in doubt, with others: all else stays as it was measured. A program that does not run
    this time is a record that fails, as it would be the first time."""
    assert earlier.program is not None
    shutil.rmtree(staging_dir(folder), ignore_errors=True)
    seconds, program, record, reused = dict(earlier.seconds), folder / earlier.program.path, begun(job), "scores"
    try:
        speed = _timed(job, program, trial_run(program, job.recipe.speed.threads), progress, seconds)
    except ProgramError as error:
        record, reused = unmeasured(record, job, str(error)), ""
    else:
        kept = {name: getattr(earlier, name) for name in Result.model_fields if name not in _OF_A_RUN}
        record = record.model_copy(update=kept | {"speed": speed, "seconds": seconds})
    record = judge_result(record, job.recipe.gates, job.recipe.scoring.min_voiced_frames)
    move_in(record, job, folder, progress)
    return record, reused


def move_in(record: Result, job: PreparedVariant, folder: Path, progress: Progress) -> None:
    """Store the record with all that was made for it, and tell where the earlier one is kept.

    Raises WorkbenchError where the checkpoint or the code changed since the job began.
    """
    job.check_unchanged()
    _tell(commit(record, folder), progress)


def _tell(kept: Path | None, progress: Progress) -> None:
    if kept:
        progress.report(f"the earlier record is kept as {kept.name}", 1, 1)


def begun(job: PreparedVariant) -> Result:
    """The record of a job of which nothing is measured yet."""
    recipe = job.recipe
    return Result(
        created=now_utc(),
        fingerprint=job.fingerprint,
        recipe=recipe_used(recipe, job.checkpoint_sha256),
        environment=environment(recipe.speed.threads),
        audio=tuple(
            ClipUsed(
                name=clip.name,
                role=role,
                sha256=clip.sha256,
                f0_sha256=clip.f0.sha256 if clip.f0 else "",
                seconds=clip.duration_s,
            )
            for role, clips in (("calibrate", job.calibrate), ("score", job.score))
            for clip in clips
        ),
        latency=AlgorithmicLatency(
            algorithmic_ms=job.model.algorithmic_ms, depends_on_chunking=job.stream.depends_on_chunking
        ),
        protocol=protocol_of(recipe.protocol),
        **dict.fromkeys(_MEASURED),
        null_reasons=dict.fromkeys(_MEASURED, "not measured yet"),
    )


def unmeasured(record: Result, job: PreparedVariant, why: str) -> Result:
    """The record with the reason for every figure that it does not have."""
    nulls = dict.fromkeys((name for name in _MEASURED if getattr(record, name) is None), why)
    over_sizes = no_sizes(why) if job.stream.dynamic else record.deviation_over_sizes
    return record.model_copy(update={"null_reasons": nulls, "deviation_over_sizes": over_sizes})


def _judged_again(earlier: Result, job: PreparedVariant, folder: Path) -> tuple[Result, str]:
    """Gates and words may be others than those of the earlier record: its figures stay, its verdict may not."""
    recipe = recipe_used(job.recipe, job.checkpoint_sha256)
    if earlier.recipe == recipe:
        return earlier, "result"
    asked = earlier.model_copy(update={"recipe": recipe})
    record = judge_result(asked, job.recipe.gates, job.recipe.scoring.min_voiced_frames)
    write_record(record, folder)
    return record, "figures"


_OF_A_RUN = ("created", "recipe", "environment")  # the rest of a record is of what was measured
_MEASURED = ("program", "deviation", "floor", "truth", "speed")


def _recorded_before(folder: Path, job: PreparedVariant) -> Result | None:
    """The record in this folder, where it was made from the same things and all that belongs to it is there."""
    try:
        record = read_record(folder / RESULT_NAME)
        same = record.fingerprint == job.fingerprint and record.program is not None
        if same and record.program is not None:
            same = record.program.is_intact_in(folder)
            if record.not_run_here:
                same = same and record.not_run_here == unsupported_reason(record.program, job.recipe)
            else:
                same = same and has_files_of(folder, job.score)
    except (WorkbenchError, OSError):
        return None
    return record if same else None
