"""A grid of chunk, mirror and rate: each point is run as a variant."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

from workbench.audio.clip_catalog import ClipCatalog
from workbench.errors import ModelError, RecipeError, WorkbenchError
from workbench.progress import Progress, ShowProgress
from workbench.recipe import Recipe, with_overrides
from workbench.record_model import now_utc
from workbench.records.environment import environment
from workbench.records.result import recipe_used
from workbench.records.sweep import Sweep, SweepPoint, SweepSetting
from workbench.runtime.state_protocol import protocol_of
from workbench.workflows.jobs.variants import Caches, score_on_workers
from workbench.workflows.jobs.workers import Workers
from workbench.workflows.variant.baseline import BaselineCache
from workbench.workflows.variant.build_and_score import Ahead
from workbench.workflows.variant.prepare import PreparedVariant, prepare
from workbench.workflows.variant.prepare import load_clips as load_variant_clips
from workbench.workflows.variant.run import Reused, run_variant


@dataclass(frozen=True)
class PlannedPoint:
    """A point before it is measured. `variant` is None if the model cannot have the setting, for `refusal_reason`."""

    setting: SweepSetting
    variant: PreparedVariant | None
    refusal_reason: str = ""


@dataclass(frozen=True)
class PointOutcome:
    """A measured point. `reused`: its result was in the folder already."""

    point: SweepPoint
    reused: bool


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
    planned: Sequence[PlannedPoint], catalog: ClipCatalog, audio: Path | None, progress: Progress
) -> list[PlannedPoint]:
    """Returns the points with the clips of their variants. Raises what `prepare.load_clips` raises."""
    variants = [point.variant for point in planned if point.variant]
    loaded = iter(load_variant_clips(variants, catalog, audio, progress))
    return [replace(point, variant=next(loaded)) if point.variant else point for point in planned]


def measure_points(
    planned: Sequence[PlannedPoint],
    folder: Path,
    show_progress: ShowProgress,
    fresh: bool = False,
    store: Path | None = None,
    baselines: Path | None = None,
    workers: Workers | None = None,
) -> Iterator[PointOutcome]:
    """Measures the points and yields what came out, each as `measure_point` does.

    Args:
        planned: The points, with the clips of their variants.
        folder: The folder of the sweep.
        show_progress: Called with a title for each point.
        fresh: Reuses nothing.
        store: The cache of programs of all runs.
        baselines: The cache of the baseline's frames of all runs.
        workers: Build and score points at the same time. They are timed afterwards, one by one, in this process.
    """
    cache = BaselineCache(baselines, fresh, workers)
    variants = [point.variant for point in planned if point.variant]
    ahead = score_on_workers(variants, folder, workers, show_progress, fresh, Caches(store, baselines))
    for number, point in enumerate(planned, start=1):
        with show_progress(f"{point.setting.suffix} ({number} of {len(planned)})") as progress:
            outcome = measure_point(point, folder, progress, cache, fresh, store, ahead)
        yield outcome


def measure_point(
    planned: PlannedPoint,
    folder: Path,
    progress: Progress,
    cache: BaselineCache,
    fresh: bool = False,
    store: Path | None = None,
    ahead: Mapping[str, Ahead] | None = None,
) -> PointOutcome:
    """Runs the variant of a point in a folder below `folder`.

    Args:
        planned: The point, with the clips of its variant.
        folder: The folder of the sweep. A result that is there is reused if it belongs to the point.
        progress: Receives the stages.
        cache: The baseline's frames.
        fresh: Reuses nothing.
        store: The cache of programs of all runs.
        ahead: What `score_on_workers` returned for the points.

    Raises:
        ChangedError: The checkpoint, the source or the program changed during the measurement.
        WorkbenchError: Another process uses the folder.
    """
    setting, variant = planned.setting, planned.variant
    if variant is None:
        return PointOutcome(SweepPoint.refused(setting, planned.refusal_reason), reused=False)
    before = (ahead or {}).get(variant.name)
    outcome = run_variant(variant, folder / variant.name, progress, cache, fresh, store, before)
    result, is_reused = outcome.result, outcome.reused is Reused.RESULT
    if result.not_run_here:
        return PointOutcome(SweepPoint.not_run(setting, result), is_reused)
    if result.program is None or result.deviation is None:
        missing = "program" if result.program is None else "deviation"
        return PointOutcome(SweepPoint.failed(setting, result, result.null_reasons[missing]), reused=False)
    return PointOutcome(SweepPoint.measured(setting, result), is_reused)


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
