"""A grid of chunk, mirror and rate: each point is run as a variant, and the delay of both sides is measured."""

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

DELAYS_NAME = "onset.json"


@dataclass(frozen=True)
class PlannedPoint:
    """A point before it is measured. `variant` is None if the model cannot have the setting, for `refusal_reason`."""

    setting: SweepSetting
    variant: PreparedVariant | None
    refusal_reason: str = ""


@dataclass(frozen=True)
class PointOutcome:
    """A measured point. `reused`: its result and its delays were in the folder already."""

    point: SweepPoint
    reused: bool


class StoredDelays(RecordModel):
    """The delays of a point, stored beside its result. They belong to one result and one program."""

    fingerprint: str
    program_sha256: str
    baseline: StepDelay
    variant: StepDelay


def plan(
    recipe: Recipe, chunks: Sequence[int], mirrors: Sequence[float], rates_hz: Sequence[int], progress: Progress
) -> list[PlannedPoint]:
    """Returns all combinations, each with its model or the reason why there is none.

    Args:
        recipe: Whose keys are replaced.
        chunks: In samples.
        mirrors: From 0 to 1.
        rates_hz: Sample rates.
        progress: Receives the stage "model".

    Raises:
        RecipeError: The recipe has several streams.
        CheckpointError: The checkpoint cannot be used.
        WorkbenchError: The model can have none of the settings.
    """
    if recipe.streams > 1:
        raise RecipeError([f"{recipe.source}: streams: expected 1 for a sweep, got {recipe.streams}"])
    settings = [
        SweepSetting(sample_rate_hz=rate_hz, chunk_samples=chunk_samples, mirror=mirror)
        for rate_hz, mirror, chunk_samples in product(rates_hz, mirrors, chunks)
    ]
    planned = []
    with progress.stage("model", len(settings)) as advance:
        for setting in settings:
            planned.append(_plan_point(recipe, setting))
            advance(1)
    if all(point.variant is None for point in planned):
        reason = planned[0].refusal_reason
        raise WorkbenchError(f"{recipe.name}: every point of the sweep is refused; the first: {reason}")
    return planned


def _plan_point(recipe: Recipe, setting: SweepSetting) -> PlannedPoint:
    try:
        return PlannedPoint(setting, prepare(with_overrides(recipe, setting.suffix, **setting.keys)))
    except (ModelError, RecipeError) as error:
        return PlannedPoint(setting, None, "; ".join(str(error).splitlines()))


def load_clips(
    planned: Sequence[PlannedPoint], corpus: Corpus, audio: Path | None, progress: Progress
) -> list[PlannedPoint]:
    """Returns the points with the clips of their variants. Raises what `prepare.load_clips` raises."""
    variants = [point.variant for point in planned if point.variant]
    loaded = iter(load_variant_clips(variants, corpus, audio, progress))
    return [replace(point, variant=next(loaded)) if point.variant else point for point in planned]


def measure_points(
    planned: Sequence[PlannedPoint],
    folder: Path,
    show_progress: ShowProgress,
    fresh: bool = False,
    store: Path | None = None,
) -> Iterator[PointOutcome]:
    """Measures the points one after the other and yields what came out, each as `measure_point` does.

    Args:
        planned: The points, with the clips of their variants.
        folder: The folder of the sweep.
        show_progress: Called with a title for each point.
        fresh: Reuses nothing.
        store: The cache of programs of all runs.
    """
    for number, point in enumerate(planned, start=1):
        with show_progress(f"{point.setting.suffix} ({number} of {len(planned)})") as progress:
            outcome = measure_point(point, folder, progress, fresh, store)
        yield outcome


def measure_point(
    planned: PlannedPoint, folder: Path, progress: Progress, fresh: bool = False, store: Path | None = None
) -> PointOutcome:
    """Runs the variant of a point in a folder below `folder`, and measures the delay of both sides.

    Args:
        planned: The point, with the clips of its variant.
        folder: The folder of the sweep. A result or delays that are there are reused if they belong to the point.
        progress: Receives the stages.
        fresh: Reuses nothing.
        store: The cache of programs of all runs.

    Raises:
        ChangedError: The checkpoint, the source or the program changed during the measurement.
        WorkbenchError: Another process uses the folder.
    """
    setting, variant = planned.setting, planned.variant
    if variant is None:
        return PointOutcome(SweepPoint.refused(setting, planned.refusal_reason), reused=False)
    outcome = run_variant(variant, folder / variant.name, progress, BaselineCache(), fresh, store)
    result, is_reused = outcome.result, outcome.reused is Reused.RESULT
    if result.not_run_here:
        return PointOutcome(SweepPoint.not_run(setting, result), is_reused)
    if result.program is None or result.deviation is None:
        missing = "program" if result.program is None else "deviation"
        return PointOutcome(SweepPoint.failed(setting, result, result.null_reasons[missing]), reused=False)
    stored = None if fresh else _stored_delays(outcome.folder, result.fingerprint, result.program.sha256)
    try:
        delays = stored or _measure_delays(variant, result, result.program, outcome.folder, progress)
    except ProgramError as error:
        return PointOutcome(SweepPoint.failed(setting, result, str(error)), reused=False)
    point = SweepPoint.measured(setting, result, {"baseline": delays.baseline, "variant": delays.variant})
    return PointOutcome(point, is_reused and stored is not None)


def collect(recipe: Recipe, planned: Sequence[PlannedPoint], points: Sequence[SweepPoint]) -> Sweep:
    """Returns the record of a sweep with these points. At least one planned point has a variant."""
    variants = [point.variant for point in planned if point.variant]
    clips = {clip.name: None for variant in variants for clip in variant.scored_clips}
    return Sweep(
        created=now_utc(),
        recipe=recipe_used(recipe, variants[0].checkpoint_sha256),
        protocol=protocol_of(recipe.protocol),
        environment=environment(recipe.speed.threads),
        clips=tuple(clips),
        points=tuple(points),
    )


def _stored_delays(folder: Path, fingerprint: str, program_sha256: str) -> StoredDelays | None:
    """Returns the delays of this result and this program, if the folder has them."""
    try:
        stored = StoredDelays.model_validate_json((folder / DELAYS_NAME).read_bytes())
    except (OSError, ValidationError):
        return None
    return stored if (stored.fingerprint, stored.program_sha256) == (fingerprint, program_sha256) else None


def _measure_delays(
    variant: PreparedVariant, result: Result, program: ProgramFile, folder: Path, progress: Progress
) -> StoredDelays:
    """Measures the delay of both sides and stores it in the variant's folder."""
    path, threads = folder / program.path, variant.recipe.speed.threads
    with progress.stage("delay", 2) as advance:
        torch.set_num_threads(threads)
        session = variant.baseline.session(margins=False)
        baseline_delay = step_delay(with_state_handling(result.protocol.baseline, session))
        advance(1)
        with exclusive(folder):
            if not program.is_intact_in(folder):  # the folder was not locked since the result was written
                raise ChangedError(f"{path}: changed while it was used; run again")
            with IsolatedProcess() as child:
                variant_delay = child.call(_program_delay, path, result.protocol.variant, threads)
            advance(1)
            variant.check_unchanged()
            delays = StoredDelays(
                fingerprint=result.fingerprint,
                program_sha256=program.sha256,
                baseline=baseline_delay,
                variant=variant_delay,
            )
            write_json(delays, folder / DELAYS_NAME)
    return delays


def _program_delay(path: Path, handling: StateHandling, threads: int) -> StepDelay:
    """Loads a program and measures its delay. An `IsolatedProcess` calls it."""
    set_num_threads(threads)
    return step_delay(with_state_handling(handling, open_program(path)))
