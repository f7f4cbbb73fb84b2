"""A grid of chunk, mirror and rate: each point built, scored and timed by the pipeline, and its delay measured."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import torch
from pydantic import ValidationError

from workbench.audio.corpus import Corpus
from workbench.errors import ChangedError, ModelError, ProgramError, RecipeError, WorkbenchError
from workbench.export.program_file import ProgramFile
from workbench.measure.delay import StepDelay, step_delay
from workbench.progress import Progress, ShowProgress
from workbench.recipe import Recipe, with_overrides
from workbench.record_model import RecordModel, now_utc
from workbench.records.environment import environment
from workbench.records.result import Result, recipe_used
from workbench.records.sweep import Sweep, SweepPoint, SweepSetting
from workbench.runtime.executorch import set_num_threads
from workbench.runtime.isolation import IsolatedProcess
from workbench.runtime.open_program import open_program
from workbench.runtime.state_protocol import StateHandling, protocol_of, with_state_handling
from workbench.storage.json_files import write_json
from workbench.storage.locks import exclusive
from workbench.workflows.variant.baseline import BaselineCache
from workbench.workflows.variant.prepare import PreparedVariant, prepare
from workbench.workflows.variant.prepare import load_clips as load_variant_clips
from workbench.workflows.variant.run import Reused, run_variant

ONSETS_NAME = "onset.json"


@dataclass(frozen=True)
class PlannedPoint:
    """A point before it is measured; `job` is None where it cannot be, for `refusal`."""

    setting: SweepSetting
    job: PreparedVariant | None
    refusal: str = ""


@dataclass(frozen=True)
class PointOutcome:
    """A measured point with its title. `reused`: all of it was in the folder already."""

    title: str
    point: SweepPoint
    reused: bool


class StoredDelays(RecordModel):
    """What is kept of a point beside its record."""

    fingerprint: str  # of the record that it belongs to
    program_sha256: str
    baseline: StepDelay
    variant: StepDelay


def plan(
    recipe: Recipe, chunks: Sequence[int], mirrors: Sequence[float], rates_hz: Sequence[int], progress: Progress
) -> list[PlannedPoint]:
    """All combinations, each with its model loaded or the reason why there is none.

    Raises RecipeError for a recipe of several streams, WorkbenchError where every point is refused, and what `prepare`
    raises of the recipe itself.
    """
    if recipe.streams > 1:
        raise RecipeError([f"{recipe.source}: streams: a sweep is of one voice, got {recipe.streams}"])
    grid = list(product(rates_hz, mirrors, chunks))
    planned = []
    for at, (rate_hz, mirror, chunk_samples) in enumerate(grid):
        progress.report("model", at, len(grid))
        setting = SweepSetting(sample_rate_hz=rate_hz, chunk_samples=chunk_samples, mirror=mirror)
        try:
            planned.append(PlannedPoint(setting, prepare(with_overrides(recipe, setting.suffix, **setting.keys))))
        except (ModelError, RecipeError) as error:
            planned.append(PlannedPoint(setting, None, "; ".join(str(error).splitlines())))
    progress.report("model", len(grid), len(grid))
    if all(point.job is None for point in planned):
        raise WorkbenchError(f"{recipe.name}: every point of the sweep is refused; the first: {planned[0].refusal}")
    return planned


def load_clips(
    planned: Sequence[PlannedPoint], corpus: Corpus, audio: Path | None, progress: Progress
) -> list[PlannedPoint]:
    """Returns the points with the clips of their variants. Raises what `prepare.load_clips` raises."""
    variants = [point.job for point in planned if point.job]
    loaded = iter(load_variant_clips(variants, corpus, audio, progress))
    return [replace(point, job=next(loaded)) if point.job else point for point in planned]


def measure_points(
    planned: Sequence[PlannedPoint],
    folder: Path,
    show_progress: ShowProgress,
    fresh: bool = False,
    store: Path | None = None,
) -> Iterator[PointOutcome]:
    """Measures the points one after the other, each in a folder below `folder`, and yields them.

    Args:
        planned: The points, with the clips of their variants.
        folder: Of the sweep. Points that are complete in it are reused.
        show_progress: Called with the title of each point.
        fresh: Reuses nothing.
        store: The cache of programs of all runs.

    Raises:
        WorkbenchError: As `measure` does.
    """
    for number, point in enumerate(planned, start=1):
        title = f"{point.setting.suffix} ({number} of {len(planned)})"
        with show_progress(title) as progress:
            measured, reused = measure(point, folder, progress, fresh, store)
        yield PointOutcome(title, measured, reused)


def measure(
    planned: PlannedPoint, folder: Path, progress: Progress, fresh: bool = False, store: Path | None = None
) -> tuple[SweepPoint, bool]:
    """One point, whole in a folder of its own below `folder`. Returns it, and whether all of it was there already.

    Raises what `pipeline.run` does, and ChangedError where another process replaced the program since.
    """
    if planned.job is None:
        return SweepPoint.refused(planned.setting, planned.refusal), False
    place = folder / planned.job.recipe.name
    outcome = run_variant(planned.job, place, progress, BaselineCache(), fresh, store)
    record, is_reused = outcome.result, outcome.reused is Reused.RESULT
    if record.not_run_here:
        return SweepPoint.not_run(planned.setting, record), is_reused
    if record.program is None or record.deviation is None:
        lost = "program" if record.program is None else "deviation"
        return SweepPoint.failed(planned.setting, record, record.null_reasons[lost]), False
    kept = None if fresh else _kept(place, record.fingerprint, record.program.sha256)
    try:
        onsets = kept or _measure_onsets(planned.job, record, record.program, place, progress)
    except ProgramError as error:
        return SweepPoint.failed(planned.setting, record, str(error)), False
    sides = {"baseline": onsets.baseline, "variant": onsets.variant}
    return SweepPoint.measured(planned.setting, record, sides), is_reused and kept is not None


def collect(recipe: Recipe, planned: Sequence[PlannedPoint], points: Sequence[SweepPoint]) -> Sweep:
    """The points as one record."""
    jobs = [point.job for point in planned if point.job]
    clips = {clip.name: None for job in jobs for clip in job.scored_clips}
    return Sweep(
        created=now_utc(),
        recipe=recipe_used(recipe, jobs[0].checkpoint_sha256),
        protocol=protocol_of(recipe.protocol),
        environment=environment(recipe.speed.threads),
        clips=tuple(clips),
        points=tuple(points),
    )


def _kept(place: Path, *identity: str) -> StoredDelays | None:
    try:
        kept = StoredDelays.model_validate_json((place / ONSETS_NAME).read_bytes())
    except (OSError, ValidationError):
        return None
    return kept if (kept.fingerprint, kept.program_sha256) == identity else None


def _measure_onsets(
    job: PreparedVariant, record: Result, program: ProgramFile, place: Path, progress: Progress
) -> StoredDelays:
    path, threads = place / program.path, job.recipe.speed.threads
    progress.report("delay", 0, 2)
    torch.set_num_threads(threads)
    baseline = step_delay(with_state_handling(record.protocol.baseline, job.baseline.session(margins=False)))
    progress.report("delay", 1, 2)
    with exclusive(place):
        if not program.is_intact_in(place):  # the folder was free since its record was made
            raise ChangedError(f"{path}: changed while it was used; run again")
        with IsolatedProcess() as child:
            variant = child.call(_onset_of_program, path, record.protocol.variant, threads)
        progress.report("delay", 2, 2)
        job.check_unchanged()
        onsets = StoredDelays(
            fingerprint=record.fingerprint, program_sha256=program.sha256, baseline=baseline, variant=variant
        )
        write_json(onsets, place / ONSETS_NAME)
    return onsets


def _onset_of_program(path: Path, memory: StateHandling, threads: int) -> StepDelay:
    """For a Child: the program, freshly loaded, up and down the staircase."""
    set_num_threads(threads)
    return step_delay(with_state_handling(memory, open_program(path)))
