"""A program that runs in child processes: with the threads of the recipe, set before it is opened."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.helpers.sessions import CumulativeSumSession
from tests.helpers.sweep_points import DELAY
from workbench.progress import Progress
from workbench.runtime import open_program as opening
from workbench.runtime.open_program import run_program
from workbench.runtime.session import Frames
from workbench.workflows import sweep
from workbench.workflows.variant import score as scoring

PROGRAM = Path("program.pte")


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What is fixed and opened, in order."""
    events: list[object] = []

    def open_program(path: Path) -> CumulativeSumSession:
        events.append(path)
        return CumulativeSumSession()

    for module in (opening, sweep):
        monkeypatch.setattr(module, "open_program", open_program)
        monkeypatch.setattr(module, "set_num_threads", lambda threads: events.append(threads))
    monkeypatch.setattr(sweep, "step_delay", lambda _: DELAY)
    return events


def test_threads_are_fixed_before_a_program_is_opened(events: list[object]) -> None:
    run_program(PROGRAM, [np.ones(4, np.float32)], threads=3)
    sweep._onset_of_program(PROGRAM, "continuous", 3)
    assert events == 2 * [3, PROGRAM]


def test_or_left_alone_where_one_has_been(events: list[object]) -> None:
    run_program(PROGRAM, [np.ones(4, np.float32)])
    assert events == [PROGRAM]


def test_both_processes_of_a_score_get_the_recipe_s(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    class Counting:
        def __enter__(self) -> "Counting":
            return self

        def __exit__(self, *_: object) -> None: ...

        def call(self, function: object, *_: object, threads: int, times: int = 1) -> list[Frames]:
            asked.append((function, threads, times))
            return [Frames(*(np.ones(2, np.float32) for _ in range(3)))]

    monkeypatch.setattr(scoring, "IsolatedProcess", Counting)
    job: Any = SimpleNamespace(
        scored_clips=[SimpleNamespace(name="a", samples=np.ones(4, np.float32))],
        stream=CumulativeSumSession().stream,
        recipe=SimpleNamespace(speed=SimpleNamespace(threads=3), protocol="continuous"),
    )
    scoring.ProgramFrames(job, PROGRAM).run(Progress())
    assert asked == [(run_program, 3, 1), (run_program, 3, 2)]
