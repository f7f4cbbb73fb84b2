"""What a trial is worth apart from its times, from cheap to dear: simulated on a few seconds, built, run on all clips.

It may run in another process, also on another machine: it receives the clips, and returns the program.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from filelock import ReadWriteLock

from workbench.audio.decode import Clip
from workbench.errors import LoweringError, ModelError, ProgramError, RecipeError
from workbench.measure.deviation import Deviation
from workbench.measure.timing import BaselineSpec
from workbench.progress import Progress, StageTimer
from workbench.records.metrics import metric_value
from workbench.records.result import Result, gate_metrics
from workbench.workflows.folders import baseline_store, program_store
from workbench.workflows.jobs.variants import Caches
from workbench.workflows.search.evaluation import Evaluation, exceeded, no_value
from workbench.workflows.search.space import Choices, Space
from workbench.workflows.search.trial_variant import exact_recipe, excerpts, variant_of
from workbench.workflows.sensitivity.simulation import Comparison, Simulation
from workbench.workflows.variant.baseline import BaselineCache
from workbench.workflows.variant.build import build
from workbench.workflows.variant.prepare import PreparedVariant, prepare
from workbench.workflows.variant.result import begin_result
from workbench.workflows.variant.score.clips import ProgramFrames, score


@dataclass(frozen=True)
class Timeable:
    """A trial that has all but its times: its program as files by name, and the result so far."""

    baseline: BaselineSpec
    path: str
    files: Mapping[str, bytes]
    result: Result


@dataclass(frozen=True)
class TrialScore:
    """What is known of a trial, and what is needed to time it; None if it has no program, or no scores."""

    evaluation: Evaluation
    timeable: Timeable | None = None


def timing_lock(caches: Caches) -> ReadWriteLock:
    """Returns a lock that all searches on this machine share.

    Many read it while they build and run; one writes it while it times a program or scores its winner.
    """
    folder = caches.programs or Path(tempfile.gettempdir())
    folder.mkdir(parents=True, exist_ok=True)
    return ReadWriteLock(folder / "timing.lock", is_singleton=False)


_scorers: dict[str, "TrialScorer"] = {}  # by the space: the trials of a search share the reference of their simulation


def score_trial(
    space: Space, clips: Sequence[Clip], caches: Caches | None, choices: Choices, progress: Progress | None = None
) -> TrialScore:
    """Simulates, builds and runs a trial. It waits while a program of any search is timed on this machine.

    Args:
        space: The space.
        clips: The calibration clips.
        caches: The caches to use; None means those of this machine.
        choices: What the trial chose.
        progress: Receives the stages.
    """
    caches, progress = caches or Caches(program_store(), baseline_store()), progress or Progress()
    with timing_lock(caches).read_lock():
        return _scorer(space, clips, caches).score(choices, progress)


def _scorer(space: Space, clips: Sequence[Clip], caches: Caches) -> "TrialScorer":
    if space.sha256 not in _scorers:
        _scorers[space.sha256] = TrialScorer(space, clips, caches)
    return _scorers[space.sha256]


class TrialScorer:
    """Scores the trials of a space. Those that cannot meet the constraints stop early."""

    def __init__(self, space: Space, clips: Sequence[Clip], caches: Caches) -> None:
        self._space, self._clips, self._store = space, tuple(clips), caches.programs
        self._baseline = BaselineCache(caches.baselines)
        base = replace(prepare(space.base), calibration_clips=self._clips)
        self._excerpts = excerpts(base, space.model.first_stage.seconds)
        torch.set_num_threads(space.base.speed.threads)
        exact = prepare(exact_recipe(space.base)).model
        self._comparison = Comparison(
            replace(base, calibration_clips=self._excerpts), Simulation(exact, self._excerpts).frames()
        )

    def score(self, choices: Choices, progress: Progress) -> TrialScore:
        """Returns what a trial is worth without its times."""
        try:
            variant = variant_of(self._space, choices)
        except (RecipeError, ModelError) as error:
            return TrialScore(Evaluation("choose", {}, "; ".join(str(error).splitlines()), failed=True))
        with progress.stage("simulate"):
            frames = Simulation(variant.model, self._excerpts).frames(variant.recipe.quantization)
            metrics = _deviation_metrics(self._comparison.deviation(frames))
        stopped = exceeded(self._space, metrics, self._space.model.first_stage.slack)
        if stopped:
            return TrialScore(Evaluation("simulate", metrics, stopped))
        variant = replace(variant, calibration_clips=self._clips, scored_clips=self._clips)
        try:
            with tempfile.TemporaryDirectory(prefix="workbench-") as folder:
                return self._score_program(variant, Path(folder), progress)
        except (LoweringError, ProgramError) as error:
            return TrialScore(Evaluation("build", metrics, " ".join(str(error).split()), failed=True))

    def _score_program(self, variant: PreparedVariant, folder: Path, progress: Progress) -> TrialScore:
        built = build(variant, folder, progress, store=self._store)
        if built.unsupported_reason:
            raise ProgramError(built.unsupported_reason)
        metrics = {"program.bytes": float(built.program.bytes)}
        stopped = exceeded(self._space, metrics)
        if stopped:
            return TrialScore(Evaluation("build", metrics, stopped))
        path = folder / built.program.path
        scored = score(variant, ProgramFrames(variant, path), self._baseline, progress, StageTimer())
        result = begin_result(variant)
        reasons = {name: why for name, why in result.null_reasons.items() if name == "speed"}
        result = result.replace(program=built.program, null_reasons=reasons, **scored.scores.sections)
        found = Evaluation("score", all_metrics(result), problem(self._space, result, not_yet="speed."))
        files = {name: (folder / name).read_bytes() for name in built.program.files}
        return TrialScore(found, Timeable(variant.baseline, built.program.path, files, result))


def problem(space: Space, result: Result, not_yet: str | None = None) -> str:
    """Returns which limit a scored trial exceeds, or whose metric has no value; "" if it is feasible.

    Metrics that begin with `not_yet` come later.
    """
    for gate in space.model.constraints:
        value, reason = metric_value(gate.metric, result)
        if value is None and not (not_yet and gate.metric.startswith(not_yet)):
            return f"{no_value(gate.metric)}: {reason}"
    return exceeded(space, all_metrics(result))


def _deviation_metrics(found: Deviation) -> dict[str, float]:
    metrics = [metric for metric in gate_metrics() if metric.startswith("deviation.")]
    values = {metric: metric_value(metric.removeprefix("deviation."), found)[0] for metric in metrics}
    return {metric: value for metric, value in values.items() if value is not None}


def all_metrics(result: Result) -> dict[str, float]:
    """Returns every metric of a result that has a value."""
    values = {metric: metric_value(metric, result)[0] for metric in gate_metrics()}
    return {metric: value for metric, value in values.items() if value is not None}
