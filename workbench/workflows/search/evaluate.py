"""What a trial is worth, from cheap to dear: simulated on a few seconds, built, run on all calibration clips, timed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from filelock import ReadWriteLock

from workbench.audio.clip_catalog import ClipCatalog
from workbench.errors import (
    AudioError,
    LoweringError,
    ModelError,
    ProgramError,
    RecipeError,
    WorkbenchError,
)
from workbench.measure.deviation import Deviation
from workbench.measure.speed import ColdStart, Speed, TimingPlan
from workbench.measure.timing import time_pair
from workbench.progress import Progress, StageTimer
from workbench.records.metrics import metric_value
from workbench.records.result import Result, gate_metrics
from workbench.workflows.search.evaluation import Evaluation, no_value
from workbench.workflows.search.space import Choices, Space, violation
from workbench.workflows.search.trial_variant import exact_recipe, excerpts, variant_of
from workbench.workflows.sensitivity.simulation import Comparison, Simulation
from workbench.workflows.variant.baseline import BaselineCache
from workbench.workflows.variant.build import build
from workbench.workflows.variant.native import build_native_host, find_native_side
from workbench.workflows.variant.prepare import PreparedVariant, load_clips, prepare
from workbench.workflows.variant.result import begin_result
from workbench.workflows.variant.score.clips import ProgramFrames, score

_MOST_TIMINGS = 3


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

    Attributes:
        machine: The lock that all searches on this machine share. Many read it while they build and run; one writes it
            while it times a program or scores its winner.

    Raises:
        AudioError: The base recipe has no calibration clips.
        NativeHostError: Trials have to be timed, and there is no native host.
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
        self.machine = ReadWriteLock((store or folder) / "timing.lock", is_singleton=False)
        with self.machine.read_lock():
            self._prepare(catalog, progress, baselines)

    def _prepare(self, catalog: ClipCatalog, progress: Progress, baselines: Path | None) -> None:
        """Loads the clips, and simulates the exact stream on a few seconds of them."""
        space = self._space
        if space.needs_times:
            build_native_host(progress)
        (base,) = load_clips([prepare(space.base)], catalog, None, progress)
        if not base.calibration_clips:
            raise AudioError(
                f"{space.base.source}: audio.calibrate matches no clip, and a search needs some; name clips"
            )
        self._clips = base.calibration_clips
        self._baseline = BaselineCache(baselines)
        self._excerpts = excerpts(base, space.model.first_stage.seconds)
        torch.set_num_threads(space.base.speed.threads)
        exact = prepare(exact_recipe(space.base)).model
        self._comparison = Comparison(
            replace(base, calibration_clips=self._excerpts), Simulation(exact, self._excerpts).frames()
        )

    def __call__(self, choices: Choices, number: int, progress: Progress) -> Evaluation:
        """Returns what a trial is worth. A trial that cannot meet the constraints stops early.

        It builds and scores while other searches on this machine do, and times while none of them works.
        """
        with self.machine.read_lock():
            found, ready = self._score(choices, number, progress)
        if ready is None or found.stopped or not self._space.needs_times:
            return found
        with progress.stage("time"), self.machine.write_lock():
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
        found = Evaluation("score", _all_metrics(result), self._problem(result, not_yet="speed."))
        return found, _Scored(variant, path, built.cold_start, result)

    def _time(self, scored: _Scored, progress: Progress) -> Evaluation:
        """Returns the evaluation with times. A timing that was disturbed is repeated; the steadiest one counts."""
        audio = np.concatenate([clip.samples for clip in self._clips])
        plan = TimingPlan(**dict(scored.variant.recipe.speed))
        native = find_native_side(scored.program, plan.threads, progress)
        if isinstance(native, WorkbenchError):
            raise native
        timings: list[Speed] = []
        while len(timings) < _MOST_TIMINGS and all(speed.is_inconclusive for speed in timings):
            timings.append(time_pair(scored.variant.baseline, scored.program, audio, plan, scored.cold_start, native))
        speed = min(timings, key=lambda speed: speed.widest_speedup.ratio)
        result = scored.result.replace(speed=speed, null_reasons={})
        return Evaluation("time", _all_metrics(result), self._problem(result))

    def _problem(self, result: Result, not_yet: str | None = None) -> str:
        """Returns which limit a scored trial exceeds, or whose metric has no value; "" if it is feasible.

        Metrics that begin with `not_yet` come later.
        """
        for gate in self._space.model.constraints:
            value, reason = metric_value(gate.metric, result)
            if value is None and not (not_yet and gate.metric.startswith(not_yet)):
                return f"{no_value(gate.metric)}: {reason}"
        return self._exceeds(_all_metrics(result))

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


def _deviation_metrics(found: Deviation) -> dict[str, float]:
    metrics = [metric for metric in gate_metrics() if metric.startswith("deviation.")]
    values = {metric: metric_value(metric.removeprefix("deviation."), found)[0] for metric in metrics}
    return {metric: value for metric, value in values.items() if value is not None}


def _all_metrics(result: Result) -> dict[str, float]:
    values = {metric: metric_value(metric, result)[0] for metric in gate_metrics()}
    return {metric: value for metric, value in values.items() if value is not None}
