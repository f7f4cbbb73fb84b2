"""A program that runs in child processes: with the threads of the recipe, and twice with the same frames."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.helpers.frames import copy_of, frames_of
from tests.helpers.sessions import CumulativeSumSession
from tests.helpers.sweep_points import DELAY
from workbench.errors import ProgramError
from workbench.progress import Progress
from workbench.runtime import open_program as opening
from workbench.runtime.open_program import run_program
from workbench.runtime.session import Frames
from workbench.workflows import sweep
from workbench.workflows.variant import score as scoring
from workbench.workflows.variant.score import ProgramFrames

PROGRAM = Path("program.pte")


def test_threads_are_set_before_a_program_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[object] = []

    def open_program(path: Path) -> CumulativeSumSession:
        events.append(path)
        return CumulativeSumSession()

    for module in (opening, sweep):
        monkeypatch.setattr(module, "open_program", open_program)
        monkeypatch.setattr(module, "set_num_threads", events.append)
    monkeypatch.setattr(sweep, "step_delay", lambda _: DELAY)
    run_program(PROGRAM, [np.ones(4, np.float32)], threads=3)
    sweep._program_delay(PROGRAM, "continuous", 3)
    assert events == 2 * [3, PROGRAM]
    run_program(PROGRAM, [np.ones(4, np.float32)])
    assert events[4:] == [PROGRAM], "no number of threads is given"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[[Frames, Frames], list[Frames]]:
    """(frames of the first process, frames of the second) -> the frames of a program of one clip."""

    def run(*frames: Frames) -> list[Frames]:
        def call(child: object, function: object, *_: object, threads: int, times: int) -> list[Frames]:
            assert (function, threads, times) == (run_program, 3, len(children) + 1)
            children.append(child)
            return [frames[times - 1]]

        children: list[object] = []
        monkeypatch.setattr(scoring.IsolatedProcess, "call", call)
        variant: Any = SimpleNamespace(
            scored_clips=[SimpleNamespace(name="a", samples=np.ones(4, np.float32))],
            stream=CumulativeSumSession().stream,
            recipe=SimpleNamespace(speed=SimpleNamespace(threads=3), protocol="continuous"),
        )
        try:
            return ProgramFrames(variant, PROGRAM).run(Progress())
        finally:
            first, second = children
            assert first is not second, "the second run is in another process"

    return run


def test_program_runs_again_in_a_second_process(run: Callable[..., list[Frames]]) -> None:
    frames = frames_of([60.0, np.nan])
    assert run(frames, copy_of(frames)) == [frames]


@pytest.mark.parametrize("changed", [([60.0, 61.001],), ([60.0, 61.0], 0.7), ([60.0, 61.0], 0.75, 2.0)])
def test_other_frames_in_the_second_process_are_an_error(
    changed: tuple[object, ...], run: Callable[..., list[Frames]]
) -> None:
    with pytest.raises(ProgramError, match="other frames for a"):
        run(frames_of([60.0, 61.0]), frames_of(*changed))
