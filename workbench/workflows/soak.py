"""A long stream of a recipe's program beside upstream: built, then streamed on for hours of audio."""

import time
from pathlib import Path

import numpy as np

from workbench.audit.soak_verdict import judge_soak
from workbench.errors import ProgramError, RecipeError
from workbench.measure.soak import SoakProgress, SoakSegment, SoakWorker
from workbench.progress import Progress
from workbench.recipe import Recipe
from workbench.record_model import now_utc
from workbench.records.environment import environment
from workbench.records.result import recipe_used
from workbench.records.soak import Soak
from workbench.runtime.isolation import IsolatedProcess
from workbench.storage.locks import exclusive
from workbench.workflows.variant import build as building
from workbench.workflows.variant.prepare import PreparedVariant

_MINUTE_WITHIN_S = 3600.0  # of audio; a program that hangs is not to hold up the night


def check(recipe: Recipe) -> None:
    """Raise RecipeError for a recipe of several streams, another protocol, or without confidence."""
    if recipe.streams > 1:
        raise RecipeError([f"{recipe.source}: streams: a long stream is of one voice, got {recipe.streams}"])
    if recipe.protocol != "continuous":
        raise RecipeError([f"{recipe.source}: protocol: a long stream is continuous, got {recipe.protocol}"])
    if "confidence" not in recipe.outputs:
        raise RecipeError(
            [f"{recipe.source}: outputs: a long stream is compared with upstream's confidence too, add it"]
        )


def soak(
    job: PreparedVariant, folder: Path, hours: float, progress: Progress, fresh: bool = False, store: Path | None = None
) -> Soak:
    """Build the program in `folder` and stream the scored clips through it, over and over, in the smallest calls.

    A program that crashes, hangs or fails on the way ends it, and fails. Raises RecipeError as `check`, LoweringError
    and ProgramError as `building.build_to_run`, ProgramError also where no part of the stream came to its end,
    WorkbenchError as `building.check_free`, and ChangedError as `Job.check_unchanged`.
    """
    check(job.recipe)
    with exclusive(folder):
        building.check_no_result_replaced(folder, job, fresh)
        return _soaked(job, folder, hours, progress, fresh, store)


def _soaked(
    job: PreparedVariant, folder: Path, hours: float, progress: Progress, fresh: bool, store: Path | None
) -> Soak:
    recipe = job.recipe
    program = building.build_to_run(job, folder, progress, fresh, store)
    began = time.perf_counter()
    stretches, ended = _streamed(job, folder / program.path, hours, progress)
    job.check_unchanged()
    record = Soak(
        created=now_utc(),
        recipe=recipe_used(recipe, job.checkpoint_sha256),
        environment=environment(recipe.speed.threads),
        program=program,
        clips=tuple(clip.name for clip in job.scored_clips),
        hours=hours,
        took_s=time.perf_counter() - began,
        stretches=stretches,
        ended=ended,
    )
    return judge_soak(record, recipe.gates, recipe.scoring.min_voiced_frames)


def _streamed(
    job: PreparedVariant, program: Path, hours: float, progress: Progress
) -> tuple[tuple[SoakSegment, ...], str]:
    """The parts, from a process of its own, and how the program took that down, if it did.

    Raises ProgramError where it did so in the first part: there is nothing to keep.
    """
    recipe = job.recipe
    samples = np.concatenate([clip.samples for clip in job.scored_clips])
    stretches: list[SoakSegment] = []
    reached = SoakProgress(0, 1, 0.0, None)
    with IsolatedProcess(_MINUTE_WITHIN_S) as child:
        try:
            worker = child.start(
                SoakWorker,
                job.baseline,
                program,
                samples,
                hours,
                recipe.scoring.voiced_confidence,
                recipe.speed.threads,
            )
            while reached.calls_done < reached.calls:
                progress.report("stream", reached.calls_done, reached.calls)
                reached = worker.call(SoakWorker.advance)
                if reached.segment:
                    stretches.append(reached.segment)
        except ProgramError as error:
            ended = f"after {reached.until_s:.0f} s of audio, {error}"
            if not stretches:
                raise ProgramError(f"{program}: {ended}") from error
            return tuple(stretches), ended
    progress.report("stream", reached.calls_done, reached.calls)
    return tuple(stretches), ""
