"""A program that runs in child processes: with the threads of the recipe, and twice with the same frames."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.helpers.frames import frames_of
from tests.helpers.sessions import CumulativeSumSession
from workbench.errors import ProgramError
from workbench.progress import Progress
from workbench.runtime import executorch
from workbench.runtime import open_program as opening
from workbench.runtime.open_program import run_program
from workbench.runtime.session import Frames
from workbench.workflows.variant.score import clips as scoring
from workbench.workflows.variant.score.clips import ProgramFrames

PROGRAM = Path("program.pte")
RENDERED: list[Any] = [SimpleNamespace(name="tones", samples=np.ones(4, np.float32))]


def test_threads_are_set_before_a_program_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[object] = []

    def open_program(path: Path) -> CumulativeSumSession:
        events.append(path)
        return CumulativeSumSession()

    monkeypatch.setattr(opening, "open_program", open_program)
    monkeypatch.setattr(executorch, "set_num_threads", events.append)
    run_program(PROGRAM, [np.ones(4, np.float32)], threads=3)
    assert events == [3, PROGRAM]
    run_program(PROGRAM, [np.ones(4, np.float32)])
    assert events[2:] == [PROGRAM], "no number of threads is given"


@pytest.mark.parametrize(
    ("again", "same"),
    [
        (([60.0, np.nan],), True),
        (([60.001, np.nan],), False),
        (([60.0, np.nan], 0.7), False),
        (([60.0, np.nan], 0.75, 2.0), False),
    ],
    ids=["same", "pitch", "confidence", "volume"],
)
def test_second_process_must_return_the_same_frames(
    again: tuple[Any, ...], same: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def call(child: object, function: object, *_: object, threads: int, times: int) -> list[Frames]:
        assert (function, threads) == (run_program, 3)
        children[child] = times
        return [frames_of(*again) if times == 2 else first]

    children: dict[object, int] = {}
    first = frames_of([60.0, np.nan])
    monkeypatch.setattr(scoring.IsolatedProcess, "call", call)
    variant: Any = SimpleNamespace(
        scored_clips=[SimpleNamespace(name="a", samples=np.ones(4, np.float32))],
        calibration_clips=[],
        stream=CumulativeSumSession().stream,
        recipe=SimpleNamespace(speed=SimpleNamespace(threads=3), protocol="continuous"),
    )
    if same:
        assert ProgramFrames(variant, PROGRAM).run(Progress(), RENDERED).scored == [first]
    else:
        with pytest.raises(ProgramError, match="other frames for a"):
            ProgramFrames(variant, PROGRAM).run(Progress(), RENDERED)
    assert list(children.values()) == [1, 2], "the second run is in another process"
