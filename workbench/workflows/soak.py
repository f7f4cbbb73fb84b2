"""A long stream: a variant's program is built, then runs beside the baseline for hours of audio."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workbench.audit.soak_verdict import judge_soak
from workbench.errors import ProgramError, RecipeError
from workbench.export.backends import file_name_for
from workbench.export.program_file import format_of
from workbench.measure.soak import SoakProgress, SoakSegment, SoakWorker
from workbench.progress import Progress
from workbench.recipe import Recipe
from workbench.record_model import now_utc
from workbench.records.environment import environment
from workbench.records.result import recipe_used
from workbench.records.soak import Soak
from workbench.runtime.isolation import IsolatedProcess
from workbench.storage.locks import exclusive
from workbench.workflows.variant.build import build_to_run, check_no_result_replaced
from workbench.workflows.variant.native import build_native_host
from workbench.workflows.variant.prepare import PreparedVariant

_REPORT_LIMIT_S = 3600.0  # for one minute of audio: a program that hangs is ended


@dataclass(frozen=True)
class _LongStream:
    """The finished segments, and how the program ended the stream early. `ended` is "" if it did not."""

    segments: tuple[SoakSegment, ...]
    ended: str = ""


def check(recipe: Recipe, native: bool = False) -> None:
    """Raises RecipeError if a recipe has several streams, another protocol than continuous, or no confidence.

    For the native host, it must be one of a `.pte` program.
    """
    if recipe.streams > 1:
        raise RecipeError([f"{recipe.source}: streams: expected 1 for a soak, got {recipe.streams}"])
    if recipe.protocol != "continuous":
        raise RecipeError([f"{recipe.source}: protocol: expected continuous for a soak, got {recipe.protocol}"])
    if "confidence" not in recipe.outputs:
        raise RecipeError([f"{recipe.source}: outputs: a soak compares the confidence too; add confidence"])
    if native and format_of(file_name_for(recipe.lowering.backend)) != "pte":
        problem = f"the native host runs .pte programs only, got {recipe.lowering.backend}; drop --native"
        raise RecipeError([f"{recipe.source}: lowering.backend: {problem}"])


def soak(
    variant: PreparedVariant,
    folder: Path,
    hours: float,
    progress: Progress,
    fresh: bool = False,
    store: Path | None = None,
    native: bool = False,
) -> Soak:
    """Builds the program in `folder` and runs the scored clips through it, over and over, in the smallest calls.

    A program that crashes, hangs or fails after the first segment ends the stream, and the soak fails.

    Args:
        variant: The variant, with its clips.
        folder: The folder of the program. It may hold an earlier soak.
        hours: Hours of audio.
        progress: Receives the stages.
        fresh: Exports the program even if it is cached.
        store: The cache of programs of all runs.
        native: Whether the program runs in the native host, as an app would run it, and not in Python.

    Raises:
        NativeHostError: The native host cannot be built, or it is killed from outside.
        RecipeError: The recipe cannot be soaked.
        LoweringError: The program cannot be exported.
        ProgramError: The program does not run here, or fails in the first segment.
        WorkbenchError: The folder has a result whose program would be replaced, or another process uses it.
        ChangedError: The checkpoint or the source changed during the soak.
    """
    recipe = variant.recipe
    check(recipe, native)
    with exclusive(folder):
        check_no_result_replaced(folder, variant, fresh)
        host = build_native_host(progress) if native else None
        program = build_to_run(variant, folder, progress, fresh, store)
        started_at = time.perf_counter()
        stream = _run_stream(variant, folder / program.path, hours, progress, host)
        variant.check_unchanged()
    result = Soak(
        created=now_utc(),
        recipe=recipe_used(recipe, variant.checkpoint_sha256),
        environment=environment(recipe.speed.threads),
        program=program,
        native=native,
        clips=tuple(clip.name for clip in variant.scored_clips),
        hours=hours,
        took_s=time.perf_counter() - started_at,
        stretches=stream.segments,
        ended=stream.ended,
    )
    return judge_soak(result, recipe.gates, recipe.scoring.min_voiced_frames)


def _run_stream(
    variant: PreparedVariant, program: Path, hours: float, progress: Progress, host: Path | None = None
) -> _LongStream:
    """Runs both sides in a child process, the program in a host below it if there is one.

    Raises ProgramError if the program fails in the first segment: then there is nothing to store.
    """
    recipe = variant.recipe
    samples = np.concatenate([clip.samples for clip in variant.scored_clips])
    segments: list[SoakSegment] = []
    reached = SoakProgress(0, 1, 0.0, None)
    with IsolatedProcess(_REPORT_LIMIT_S) as child:
        try:
            worker = child.start(
                SoakWorker,
                variant.baseline,
                program,
                samples,
                hours,
                recipe.scoring.voiced_confidence,
                recipe.speed.threads,
                host,
            )
            while reached.calls_done < reached.calls:
                progress.report("stream", reached.calls_done, reached.calls)
                reached = worker.call(SoakWorker.advance)
                if reached.segment:
                    segments.append(reached.segment)
        except ProgramError as error:
            ended = f"after {reached.until_s:.0f} s of audio, {error}"
            if not segments:
                raise ProgramError(f"{program}: {ended}") from error
            return _LongStream(tuple(segments), ended)
    progress.report("stream", reached.calls_done, reached.calls)
    return _LongStream(tuple(segments))
