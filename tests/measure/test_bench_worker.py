"""What runs in the child processes of a bench: open sessions, calls at the pace of the audio, and background load."""

import multiprocessing
from types import SimpleNamespace

import numpy as np
import pytest

from tests.helpers.processes import ends_with_its_parent
from workbench.measure import bench_worker
from workbench.measure.bench_worker import BenchWorker, background_load, response_times
from workbench.measure.speed import TimingPlan
from workbench.recipe.stream_config import StreamConfig


class WorkingClock:
    """The module `time` and a session in one: time passes only while it sleeps or works."""

    def __init__(self, takes_ms: list[float]) -> None:
        self.now_s, self.takes_ms, self.inputs = 100.0, iter(takes_ms), []

    def perf_counter(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def step(self, chunk: np.ndarray) -> None:
        self.inputs.append(chunk)
        self.now_s += next(self.takes_ms) / 1000


def test_a_call_is_late_from_when_it_was_due(monkeypatch: pytest.MonkeyPatch) -> None:
    session = WorkingClock([4, 25, 4, 4])  # 25 ms: 15 into the next period, which ends 1 ms before its own
    monkeypatch.setattr(bench_worker, "time", session)
    late_ms = response_times(session, ["a", "b"], 4, 10.0)  # type: ignore[arg-type,list-item]
    np.testing.assert_allclose(late_ms, [4, 25, 19, 13])
    assert session.inputs == ["a", "b", "a", "b"]


def test_background_load_runs_only_during_the_block() -> None:
    with background_load():
        (process,) = multiprocessing.active_children()
        assert process.is_alive()
    assert multiprocessing.active_children() == []


def test_background_load_ends_with_its_parent() -> None:
    """One that was killed ends nothing itself; a core that stays busy would be left of it."""
    script = (
        "import multiprocessing, time\nfrom workbench.measure.bench_worker import background_load\n"
        "if __name__ == '__main__':\n    with background_load():\n"
        "        print(multiprocessing.active_children()[0].pid, flush=True)\n        time.sleep(3600)\n"
    )
    assert ends_with_its_parent(script)


def test_a_worker_opens_each_contender_once(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []
    opened: list[str] = []
    monkeypatch.setattr(bench_worker, "set_num_threads", threads.append)

    def contender(name: str) -> SimpleNamespace:
        session = SimpleNamespace(step=lambda _: None)
        baseline = SimpleNamespace(stream=StreamConfig(1000, 10, 1, 0.0))
        return SimpleNamespace(name=name, baseline=baseline, session=lambda: opened.append(name) or session)

    worker = BenchWorker([contender("eager"), contender("fast")], np.ones(20, np.float32), 3)  # type: ignore[list-item]
    alternating_ms, response_ms = worker.alternating_ms(TimingPlan(3, 2, 4, 1)), worker.response_ms(2)
    assert {name: ms.shape for name, ms in alternating_ms.items()} == {"eager": (2, 4), "fast": (2, 4)}
    assert {name: ms.shape for name, ms in response_ms.items()} == {"eager": (2,), "fast": (2,)}
    assert (opened, threads) == (["eager", "fast"], [3])
