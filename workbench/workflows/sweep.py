"""A grid of chunk, mirror and rate: each point built, scored and timed by the pipeline, and its delay measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import torch
from pydantic import ValidationError

from workbench.errors import ChangedError, ModelError, ProgramError, RecipeError, WorkbenchError
from workbench.export.program_file import ProgramFile
from workbench.measure.delay import Onset, onset
from workbench.progress import Progress
from workbench.recipe import Recipe, replaced
from workbench.record_model import Section
from workbench.records.environment import environment
from workbench.records.result import Record, used
from workbench.records.sweep import PICTURE_NAME, Point, Setting, Sweep, failed, measured, not_run, refused
from workbench.report.plots.sweep import sweep_png
from workbench.runtime.executorch import fix_threads
from workbench.runtime.isolation import Child
from workbench.runtime.open_program import open_program
from workbench.runtime.state_protocol import Memory, protocol_of, under
from workbench.storage.atomic import write_whole
from workbench.storage.json_files import write
from workbench.storage.locks import alone_in
from workbench.workflows import run as pipeline
from workbench.workflows.prepare import Job, prepare

ONSETS_NAME = "onset.json"


@dataclass(frozen=True)
class Planned:
    """A point before it is measured; `job` is None where it cannot be, for `refusal`."""

    setting: Setting
    job: Job | None
    refusal: str = ""


class _Onsets(Section):
    """What is kept of a point beside its record."""

    fingerprint: str  # of the record that it belongs to
    program_sha256: str
    baseline: Onset
    variant: Onset


def plan(
    recipe: Recipe, chunks: Sequence[int], mirrors: Sequence[float], rates_hz: Sequence[int], progress: Progress
) -> list[Planned]:
    """All combinations, each with its model loaded or the reason why there is none.

    Raises RecipeError for a recipe of several streams, WorkbenchError where every point is refused, and what `prepare`
    raises of the recipe itself.
    """
    if recipe.streams > 1:
        raise RecipeError([f"{recipe.source}: streams: a sweep is of one voice, got {recipe.streams}"])
    grid = list(product(rates_hz, mirrors, chunks))
    planned = []
    for at, (rate_hz, mirror, chunk_samples) in enumerate(grid):
        progress("model", at, len(grid))
        setting = Setting(sample_rate_hz=rate_hz, chunk_samples=chunk_samples, mirror=mirror)
        try:
            planned.append(Planned(setting, prepare(replaced(recipe, setting.suffix, **setting.keys))))
        except (ModelError, RecipeError) as error:
            planned.append(Planned(setting, None, "; ".join(str(error).splitlines())))
    progress("model", len(grid), len(grid))
    if all(point.job is None for point in planned):
        raise WorkbenchError(f"{recipe.name}: every point of the sweep is refused; the first: {planned[0].refusal}")
    return planned


def measure(
    planned: Planned, folder: Path, progress: Progress, fresh: bool = False, store: Path | None = None
) -> tuple[Point, bool]:
    """One point, whole in a folder of its own below `folder`. Returns it, and whether all of it was there already.

    Raises what `pipeline.run` does, and ChangedError where another process replaced the program since.
    """
    if planned.job is None:
        return refused(planned.setting, planned.refusal), False
    place = folder / planned.job.recipe.name
    record, reused = pipeline.run(planned.job, place, progress, {}, fresh, store)
    if record.not_run_here:
        return not_run(planned.setting, record), reused == "result"
    if record.program is None or record.deviation is None:
        lost = "program" if record.program is None else "deviation"
        return failed(planned.setting, record, record.null_reasons[lost]), False
    kept = None if fresh else _kept(place, record.fingerprint, record.program.sha256)
    try:
        onsets = kept or _measure_onsets(planned.job, record, record.program, place, progress)
    except ProgramError as error:
        return failed(planned.setting, record, str(error)), False
    sides = {"baseline": onsets.baseline, "variant": onsets.variant}
    return measured(planned.setting, record, sides), reused == "result" and kept is not None


def collect(recipe: Recipe, planned: Sequence[Planned], points: Sequence[Point]) -> Sweep:
    """The points as one record."""
    jobs = [point.job for point in planned if point.job]
    clips = {clip.name: None for job in jobs for clip in job.score}
    return Sweep(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        recipe=used(recipe, jobs[0].checkpoint_sha256),
        protocol=protocol_of(recipe.protocol),
        environment=environment(recipe.speed.threads),
        clips=tuple(clips),
        points=tuple(points),
    )


def write_picture(sweep: Sweep, folder: Path) -> None:
    """Store a sweep's picture as `sweep.png` in its folder."""
    write_whole(folder / PICTURE_NAME, sweep_png(sweep))


def _kept(place: Path, *identity: str) -> _Onsets | None:
    try:
        kept = _Onsets.model_validate_json((place / ONSETS_NAME).read_bytes())
    except (OSError, ValidationError):
        return None
    return kept if (kept.fingerprint, kept.program_sha256) == identity else None


def _measure_onsets(job: Job, record: Record, program: ProgramFile, place: Path, progress: Progress) -> _Onsets:
    path, threads = place / program.path, job.recipe.speed.threads
    progress("delay", 0, 2)
    torch.set_num_threads(threads)
    baseline = onset(under(record.protocol.baseline, job.baseline.session(margins=False)))
    progress("delay", 1, 2)
    with alone_in(place):
        if not program.is_in(place):  # the folder was free since its record was made
            raise ChangedError(f"{path}: changed while it was used; run again")
        with Child() as child:
            variant = child.call(_onset_of_program, path, record.protocol.variant, threads)
        progress("delay", 2, 2)
        job.check_unchanged()
        onsets = _Onsets(
            fingerprint=record.fingerprint, program_sha256=program.sha256, baseline=baseline, variant=variant
        )
        write(onsets, place / ONSETS_NAME)
    return onsets


def _onset_of_program(path: Path, memory: Memory, threads: int) -> Onset:
    """For a Child: the program, freshly loaded, up and down the staircase."""
    fix_threads(threads)
    return onset(under(memory, open_program(path)))
