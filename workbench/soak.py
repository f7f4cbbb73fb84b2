"""A long stream of a recipe's program beside upstream: built, then streamed on for hours of audio."""

import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from workbench import building
from workbench.alone import alone_in
from workbench.audit.environment import environment
from workbench.audit.results import used
from workbench.audit.soak import Soak, judged
from workbench.errors import RecipeError
from workbench.job import Job
from workbench.measure.soak import long_stream
from workbench.progress import Progress
from workbench.recipe import Recipe
from workbench.runtime.open import open_program
from workbench.runtime.pte import fix_threads


def check(recipe: Recipe) -> None:
    """Raise RecipeError for a recipe of several streams, another protocol, or without confidence."""
    if recipe.streams > 1:
        raise RecipeError([f"{recipe.source}: streams: a long stream is of one voice, got {recipe.streams}"])
    if recipe.protocol != "continuous":
        raise RecipeError([f"{recipe.source}: protocol: a long stream is continuous, got {recipe.protocol}"])
    if "confidence" not in recipe.outputs:
        raise RecipeError(
            [f"{recipe.source}: outputs: a long stream is held against upstream's confidence too, add it"]
        )


def soak(
    job: Job, folder: Path, hours: float, progress: Progress, fresh: bool = False, store: Path | None = None
) -> Soak:
    """Build the program in `folder` and stream the scored clips through it, over and over, in the smallest calls.

    For a process that has loaded no program yet: it fixes the threads. Raises RecipeError as `check`, LoweringError and
    ProgramError as `building.build_to_run`, and WorkbenchError as `building.check_free`.
    """
    check(job.recipe)
    with alone_in(folder):
        building.check_free(folder, job, fresh)
        return _soaked(job, folder, hours, progress, fresh, store)


def _soaked(job: Job, folder: Path, hours: float, progress: Progress, fresh: bool, store: Path | None) -> Soak:
    recipe = job.recipe
    program = building.build_to_run(job, folder, progress, fresh, store)
    fix_threads(recipe.speed.threads)
    began = time.perf_counter()
    stretches = long_stream(
        job.baseline.session(),
        open_program(folder / program.path),
        np.concatenate([clip.samples for clip in job.score]),
        hours,
        recipe.scoring.voiced_confidence,
        told=lambda done, total: progress("stream", done, total),
    )
    record = Soak(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        recipe=used(recipe, job.checkpoint_sha256),
        environment=environment(recipe.speed.threads),
        program=program,
        clips=tuple(clip.name for clip in job.score),
        hours=hours,
        took_s=time.perf_counter() - began,
        stretches=stretches,
    )
    return judged(record, recipe.gates)
