"""A trial is timed while no other trial on this machine is built or scored, and a lost worker loses only its trial."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.workflows.search.test_space import space_of
from workbench.errors import WorkerKilledError
from workbench.progress import Progress
from workbench.workflows.jobs.variants import Caches
from workbench.workflows.search import evaluate, score_trial
from workbench.workflows.search.evaluation import Evaluation, WorkerLostError
from workbench.workflows.search.score_trial import TrialScore
from workbench.workflows.search.space import Choices

CHOICES = Choices({}, {})


def evaluator(folder: Path, monkeypatch: pytest.MonkeyPatch, workers: Any = None) -> evaluate.ProgramEvaluator:
    monkeypatch.setattr(evaluate, "build_native_host", lambda _: None)
    base: Any = type("Base", (), {"calibration_clips": (1,)})
    space = space_of(folder, objective="fastest")
    return evaluate.ProgramEvaluator(base, space, folder, Caches(folder, None), Progress(), workers)


def test_timing_runs_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moments: list[tuple[str, int]] = []

    def stage(name: str) -> Evaluation:
        moments.append((name, 1))
        time.sleep(0.05)
        moments.append((name, -1))
        return Evaluation("score", {})

    timeable: Any = object()
    scorer: Any = type("Scorer", (), {"score": lambda *_: TrialScore(stage("score"), timeable)})
    monkeypatch.setattr(score_trial, "_scorer", lambda *_: scorer())
    monkeypatch.setattr(evaluate.ProgramEvaluator, "_time", lambda *_: stage("time"))
    evaluates = evaluator(tmp_path, monkeypatch)
    threads = [
        threading.Thread(target=lambda: [evaluates(CHOICES, number, Progress()) for number in range(3)])
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    running, together = {"score": 0, "time": 0}, set()
    for name, change in moments:
        running[name] += change
        together.add((running["score"], running["time"]))
    assert {times for _, times in together} == {0, 1} and max(scores for scores, _ in together) > 1
    assert not [1 for scores, times in together if scores and times]


def test_lost_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Lost:
        share_caches = True

        def call(self, *_: object) -> None:
            raise WorkerKilledError("killed")

        def kill(self) -> None: ...

    evaluates = evaluator(tmp_path, monkeypatch, Lost())
    with pytest.raises(WorkerLostError, match="killed"):
        evaluates(CHOICES, 0, Progress())
    evaluates.end()
    with pytest.raises(KeyboardInterrupt):
        evaluates(CHOICES, 0, Progress())
