"""What a trial is worth: scored here or by a worker, and timed in this process while nothing else of a search runs."""

import threading
from pathlib import Path

import numpy as np

from workbench.errors import AudioError, ProgramCrashError, WorkbenchError, WorkerKilledError
from workbench.measure.speed import Speed, TimingPlan
from workbench.measure.timing import time_pair
from workbench.progress import Progress
from workbench.storage.atomic import write_atomic
from workbench.workflows.jobs.variants import Caches
from workbench.workflows.jobs.workers import Workers
from workbench.workflows.search.evaluation import Evaluation, WorkerLostError
from workbench.workflows.search.score_trial import (
    Timeable,
    TrialScore,
    all_metrics,
    problem,
    score_trial,
    timing_lock,
)
from workbench.workflows.search.space import Choices, Space
from workbench.workflows.variant.native import build_native_host, find_native_side
from workbench.workflows.variant.prepare import PreparedVariant

_MOST_TIMINGS = 3


class ProgramEvaluator:
    """Scores the program of each trial, and times it. Several threads may call it at the same time.

    Args:
        base: The base recipe with its calibration clips.
        space: The space.
        folder: The folder of the search, which receives the programs that are timed.
        caches: The caches of all runs.
        progress: Receives the stage of building the native host.
        workers: Score the trials; None: this process does.

    Raises:
        AudioError: The base recipe has no calibration clips.
        NativeHostError: Trials have to be timed, and there is no native host.
    """

    def __init__(
        self,
        base: PreparedVariant,
        space: Space,
        folder: Path,
        caches: Caches,
        progress: Progress,
        workers: Workers | None = None,
    ) -> None:
        if not base.calibration_clips:
            raise AudioError(
                f"{space.base.source}: audio.calibrate matches no clip, and a search needs some; name clips"
            )
        if space.needs_times:
            build_native_host(progress)
        self._space, self._folder, self._caches, self._workers = space, folder, caches, workers
        self._clips = base.calibration_clips
        self._ending = threading.Event()

    def __call__(self, choices: Choices, number: int, progress: Progress) -> Evaluation:
        """Returns what a trial is worth. A trial that cannot meet the constraints stops early.

        Raises:
            WorkerLostError: The worker died.
            KeyboardInterrupt: `end` was called.
        """
        scored = self._score(choices, progress)
        if scored.timeable is None or scored.evaluation.stopped or not self._space.needs_times:
            return scored.evaluation
        with progress.stage("time"), timing_lock(self._caches).write_lock():
            return self._time(scored.timeable, self._folder / "trials" / str(number), progress)

    def end(self) -> None:
        """Ends all calls in other threads."""
        self._ending.set()
        if self._workers is not None:
            self._workers.kill()

    def _score(self, choices: Choices, progress: Progress) -> TrialScore:
        if self._workers is None:
            return score_trial(self._space, self._clips, self._caches, choices, progress)
        caches = self._caches if self._workers.share_caches else None
        try:
            return self._workers.call(score_trial, self._space, self._clips, caches, choices)
        except (WorkerKilledError, ProgramCrashError) as error:
            if self._ending.is_set():
                raise KeyboardInterrupt from None
            raise WorkerLostError(str(error)) from error

    def _time(self, trial: Timeable, folder: Path, progress: Progress) -> Evaluation:
        """Returns the evaluation with times. A timing that was disturbed is repeated; the steadiest one counts."""
        for name, content in trial.files.items():
            write_atomic(folder / name, content)
        audio = np.concatenate([clip.samples for clip in self._clips])
        plan = TimingPlan(**dict(self._space.base.speed))
        native = find_native_side(folder / trial.path, plan.threads, progress)
        if isinstance(native, WorkbenchError):
            raise native
        timings: list[Speed] = []
        while len(timings) < _MOST_TIMINGS and all(speed.is_inconclusive for speed in timings):
            timings.append(time_pair(trial.baseline, folder / trial.path, audio, plan, native))
        speed = min(timings, key=lambda speed: speed.widest_speedup.ratio)
        result = trial.result.replace(speed=speed, null_reasons={})
        return Evaluation("time", all_metrics(result), problem(self._space, result))
