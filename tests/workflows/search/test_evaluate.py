"""A trial is timed while no other trial on this machine is built or scored."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from filelock import ReadWriteLock

from workbench.progress import Progress
from workbench.workflows.search.evaluate import ProgramEvaluator
from workbench.workflows.search.evaluation import Evaluation


class Recorded(ProgramEvaluator):
    """Notes when its stages begin and end, in place of doing them."""

    def __init__(self, lock: Path, space: Any, moments: list[tuple[str, int]]) -> None:
        self.machine = ReadWriteLock(lock, is_singleton=False)
        self._space, self._moments = space, moments

    def _stage(self, name: str) -> Evaluation:
        self._moments.append((name, 1))
        time.sleep(0.05)
        self._moments.append((name, -1))
        return Evaluation("score", {})

    def _score(self, *_: Any) -> Any:
        return self._stage("score"), object()

    def _time(self, *_: Any) -> Any:
        return self._stage("time")


@pytest.mark.parametrize("workers", [3])
def test_timing_is_alone(workers: int, tmp_path: Path) -> None:
    moments: list[tuple[str, int]] = []
    space: Any = type("Space", (), {"needs_times": True})

    def work() -> None:
        evaluate = Recorded(tmp_path / "lock", space, moments)
        for number in range(3):
            evaluate(None, number, Progress())  # type: ignore[arg-type]

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    running = {"score": 0, "time": 0}
    together = set()
    for name, change in moments:
        running[name] += change
        together.add((running["score"], running["time"]))
    assert {times for _, times in together} == {0, 1} and max(scores for scores, _ in together) > 1
    assert not [1 for scores, times in together if scores and times]
