"""What a trial is worth, from cheap to dear: simulated on a few seconds, built, run on all calibration clips, timed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import ReadWriteLock

from workbench.audio.clip_catalog import ClipCatalog
from workbench.audio.decode import Clip
from workbench.errors import (
    AudioError,
    LoweringError,
    ModelError,
    ProgramError,
    RecipeError,
    WorkbenchError,
    did_you_mean,
)
from workbench.measure.deviation import Deviation
from workbench.measure.speed import ColdStart, TimingPlan
from workbench.measure.timing import time_pair
from workbench.progress import Progress, StageTimer
from workbench.quantize.layers import layers
from workbench.quantize.scopes import check_scopes
from workbench.recipe import Recipe, from_resolved
from workbench.recipe.patterns import unused_patterns
from workbench.records.metrics import metric_value
from workbench.records.result import Result, gate_metrics
from workbench.workflows.search.changes import without_quantization
from workbench.workflows.search.evaluation import Evaluation
from workbench.workflows.search.simulation import Comparison, Simulation
from workbench.workflows.search.space import Choices, Space, violation
from workbench.workflows.variant.baseline import BaselineCache
from workbench.workflows.variant.build import build
from workbench.workflows.variant.native import find_native_side
from workbench.workflows.variant.prepare import PreparedVariant, load_clips, prepare
from workbench.workflows.variant.result import begin_result
from workbench.workflows.variant.score.clips import ProgramFrames, score


@dataclass(frozen=True)
class _Scored:
    """A trial that has all but its times: its program, and the result so far."""

    variant: PreparedVariant
    program: Path
    cold_start: ColdStart
    result: Result


class ProgramEvaluator:
    """Builds, runs and times the program of each trial, in a folder of the trial.

    Args:
        space: The space.
        catalog: The clips that recipes can name.
        folder: The folder of the search.
        progress: Receives the stages of loading the clips.
        store: The cache of programs of all runs.
        baselines: The cache of the baseline's frames of all runs.

    Raises:
        AudioError: The base recipe has no calibration clips.
    """

    def __init__(
        self,
        space: Space,
        catalog: ClipCatalog,
        folder: Path,
        progress: Progress,
        store: Path | None,
        baselines: Path | None,
    ) -> None:
        self._space, self._folder, self._store = space, folder, store
        folder.mkdir(parents=True, exist_ok=True)
        self._machine = ReadWriteLock((store or folder) / "timing.lock", is_singleton=False)
        (base,) = load_clips([prepare(space.base)], catalog, None, progress)
        if not base.calibration_clips:
            raise AudioError(
                f"{space.base.source}: audio.calibrate matches no clip, and a search needs some; name clips"
            )
        self._clips = base.calibration_clips
        self._baseline = BaselineCache(baselines)
        self._excerpts = _excerpts(base, space.model.first_stage.seconds)
        torch.set_num_threads(space.base.speed.threads)
        exact = prepare(_exact(space.base)).model
        self._comparison = Comparison(
            replace(base, calibration_clips=self._excerpts), Simulation(exact, self._excerpts).frames()
        )

    def __call__(self, choices: Choices, number: int, progress: Progress) -> Evaluation:
        """Returns what a trial is worth. A trial that cannot meet the constraints stops early.

        It builds and scores while other searches on this machine do, and times while none of them works.
        """
        with self._machine.read_lock():
            found, ready = self._score(choices, number, progress)
        if ready is None or found.stopped or not self._space.needs_times:
            return found
        with progress.stage("time"), self._machine.write_lock():
            return self._time(ready, progress)

    def _score(self, choices: Choices, number: int, progress: Progress) -> tuple[Evaluation, _Scored | None]:
        """Returns what a trial is worth without its times, and its program if it has all scores."""
        try:
            variant = variant_of(self._space, choices)
        except (RecipeError, ModelError) as error:
            return Evaluation("choose", {}, "; ".join(str(error).splitlines()), failed=True), None
        with progress.stage("simulate"):
            frames = Simulation(variant.model, self._excerpts).frames(variant.recipe.quantization)
            metrics = _deviation_metrics(self._comparison.deviation(frames))
        stopped = self._exceeds(metrics, self._space.model.first_stage.slack)
        if stopped:
            return Evaluation("simulate", metrics, stopped), None
        variant = replace(variant, calibration_clips=self._clips, scored_clips=self._clips)
        try:
            return self._score_program(variant, self._folder / "trials" / str(number), progress)
        except (LoweringError, ProgramError) as error:
            return Evaluation("build", metrics, " ".join(str(error).split()), failed=True), None

    def _score_program(
        self, variant: PreparedVariant, folder: Path, progress: Progress
    ) -> tuple[Evaluation, _Scored | None]:
        folder.mkdir(parents=True, exist_ok=True)
        built = build(variant, folder, progress, store=self._store)
        if built.cold_start is None:
            raise ProgramError(built.unsupported_reason)
        result = begin_result(variant)
        metrics = {"program.bytes": float(built.program.bytes)}
        stopped = self._exceeds(metrics)
        if stopped:
            return Evaluation("build", metrics, stopped), None
        path = folder / built.program.path
        scored = score(variant, ProgramFrames(variant, path), self._baseline, progress, StageTimer())
        reasons = {name: why for name, why in result.null_reasons.items() if name == "speed"}
        result = result.replace(program=built.program, null_reasons=reasons, **scored.scores.sections)
        metrics = _all_metrics(result)
        return Evaluation("score", metrics, self._exceeds(metrics)), _Scored(variant, path, built.cold_start, result)

    def _time(self, scored: _Scored, progress: Progress) -> Evaluation:
        audio = np.concatenate([clip.samples for clip in self._clips])
        plan = TimingPlan(**dict(scored.variant.recipe.speed))
        native = find_native_side(scored.program, plan.threads, progress)
        if isinstance(native, WorkbenchError):
            raise native
        speed = time_pair(scored.variant.baseline, scored.program, audio, plan, scored.cold_start, native)
        metrics = _all_metrics(scored.result.replace(speed=speed, null_reasons={}))
        return Evaluation("time", metrics, self._exceeds(metrics))

    def _exceeds(self, metrics: Mapping[str, float], slack: float = 1.0) -> str:
        """Returns which constraint the metrics exceed by how much, or "" if they exceed none that is known."""
        worst, text = 0.0, ""
        for gate in self._space.model.constraints:
            if gate.metric not in metrics:
                continue
            excess = violation(gate, metrics[gate.metric])
            if excess > slack - 1 and excess > worst:
                worst, text = excess, f"{gate.metric} is {metrics[gate.metric]:.4g}, limit {gate}"
        return text


def variant_of(space: Space, choices: Choices) -> PreparedVariant:
    """Returns the variant of a trial. A pattern that matches no layer of its model is left out.

    Raises RecipeError or ModelError if the choices do not fit together.
    """
    recipe = space.recipe(choices)
    prepared = prepare(without_quantization(recipe))
    resolved = recipe.resolved()
    parts: dict[str, Any] = resolved["quantization"]["parts"]
    unused = unused_patterns(parts, layers(prepared.model))
    resolved["quantization"]["parts"] = {pattern: parts[pattern] for pattern in parts if pattern not in unused}
    recipe = from_resolved(recipe.name, recipe.source, resolved)
    check_scopes(prepared.model, recipe.quantization)
    return replace(prepared, recipe=recipe)


def check_layers(space: Space) -> None:
    """Raises RecipeError if a pattern of the space matches no layer of the base recipe's model."""
    known = layers(prepare(space.base).model)
    words = [name.split(".") for name in known]
    parts = dict.fromkeys(".".join(name[:count]) for name in words for count in range(1, len(name) + 1))
    largest = dict.fromkeys(".".join(name[:2]) for name in words)
    problems = []
    for pattern in space.model.layers:
        if unused_patterns([pattern], known):
            near = did_you_mean(pattern, parts) or f"; its parts: {', '.join(largest)}"
            problems.append(f"{space.path}: layers.{pattern}: matches no layer of {space.base.name}{near}")
    if problems:
        raise RecipeError(problems)


def _exact(recipe: Recipe) -> Recipe:
    """Returns the recipe of the stream that equals upstream's to float rounding."""
    resolved = without_quantization(recipe).resolved()
    del resolved["frontend_tolerance"]
    resolved["frontend"], resolved["lowering"]["prefilter_band"] = "grouped", 1.0
    return from_resolved(recipe.name, recipe.source, resolved)


def _excerpts(variant: PreparedVariant, seconds: float) -> tuple[Clip, ...]:
    """Returns the middle of each calibration clip, `seconds` of audio together.

    They have no known f0, which counts from the start of a clip: frames are voiced by the confidence.
    """
    clips = variant.calibration_clips
    count = max(1, round(seconds / len(clips) * variant.stream.sample_rate_hz))
    starts = [max(0, (len(clip.samples) - count) // 2) for clip in clips]
    return tuple(
        replace(clip, samples=clip.samples[start : start + count], f0=None)
        for clip, start in zip(clips, starts, strict=True)
    )


def _deviation_metrics(found: Deviation) -> dict[str, float]:
    metrics = [metric for metric in gate_metrics() if metric.startswith("deviation.")]
    values = {metric: metric_value(metric.removeprefix("deviation."), found)[0] for metric in metrics}
    return {metric: value for metric, value in values.items() if value is not None}


def _all_metrics(result: Result) -> dict[str, float]:
    values = {metric: metric_value(metric, result)[0] for metric in gate_metrics()}
    return {metric: value for metric, value in values.items() if value is not None}
