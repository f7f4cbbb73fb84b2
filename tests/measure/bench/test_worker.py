"""What runs in the child processes of a bench: open sessions, calls at the pace of the audio, and background load."""

import multiprocessing
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock as Mock

import numpy as np
import pytest

from tests.helpers.processes import ends_with_its_parent
from workbench.measure.bench import worker as bench_worker
from workbench.measure.bench.worker import BenchWorker, background_load, response_times
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
        "import multiprocessing, time\nfrom workbench.measure.bench.worker import background_load\n"
        "if __name__ == '__main__':\n    with background_load():\n"
        "        print(multiprocessing.active_children()[0].pid, flush=True)\n        time.sleep(3600)\n"
    )
    assert ends_with_its_parent(script)


def test_a_worker_opens_each_contender_once(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []
    opened: list[str] = []
    hosts: list[Any] = []
    monkeypatch.setattr(bench_worker, "set_num_threads", threads.append)
    monkeypatch.setattr(bench_worker, "NativeSession", lambda *arguments: host(*arguments))

    def contender(name: str) -> SimpleNamespace:
        session = SimpleNamespace(step=lambda _: None)
        baseline = SimpleNamespace(stream=StreamConfig(1000, 10, 1, 0.0))
        session_of = {"baseline": baseline, "session": lambda: opened.append(name) or session}
        return SimpleNamespace(name=name, file=Path(f"{name}.pte"), **session_of)

    def host(*arguments: Any) -> Any:
        hosts.append(tuple(map(str, arguments[:2])) + arguments[2:])
        session = Mock(time=lambda _, count: np.full(count, 200.0), counters=lambda: (0, 0))
        return Mock(__enter__=lambda _: session, __exit__=lambda *_: None)

    worker = BenchWorker([contender("eager"), contender("fast")], np.ones(20, np.float32), 3)  # type: ignore[list-item]
    times = worker.alternating(TimingPlan(3, 2, 4, 1), {"fast": Path("host")})
    response_ms = worker.response_ms(2)
    assert {name: each.session_ms.shape for name, each in times.items()} == {"eager": (2, 4), "fast": (2, 4)}
    assert times["eager"].native is None and times["fast"].native is not None
    np.testing.assert_allclose(times["fast"].native.ms, np.full((2, 4), 0.2))
    assert hosts == [("host", "fast.pte", 3)]
    assert {name: ms.shape for name, ms in response_ms.items()} == {"eager": (2,), "fast": (2,)}
    assert (opened, threads) == (["eager", "fast"], [3])
