"""A program that runs in child processes: with the threads of the recipe, and twice with the same frames."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

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


def frames_of(**values: list[float]) -> Frames:
    arrays = {"pitch_semitones": [60.0, 61.0], "confidence": [0.9, 0.8], "volume": [1.0, 1.0]} | values
    return Frames(**{name: np.float32(array) for name, array in arrays.items()})


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[[Frames, Frames], list[Frames]]:
    """(frames of the first process, frames of the second) -> the frames of a program of one clip."""

    def run(*frames: Frames) -> list[Frames]:
        class Child:
            def __enter__(self) -> "Child":
                return self

            def __exit__(self, *_: object) -> None: ...

            def call(self, function: object, *_: object, threads: int, times: int) -> list[Frames]:
                calls.append((self, function, threads, times))
                return [frames[len(calls) - 1]]

        calls: list[tuple[Any, ...]] = []
        monkeypatch.setattr(scoring, "IsolatedProcess", Child)
        variant: Any = SimpleNamespace(
            scored_clips=[SimpleNamespace(name="a", samples=np.ones(4, np.float32))],
            stream=CumulativeSumSession().stream,
            recipe=SimpleNamespace(speed=SimpleNamespace(threads=3), protocol="continuous"),
        )
        try:
            return ProgramFrames(variant, PROGRAM).run(Progress())
        finally:
            assert [call[1:] for call in calls] == [(run_program, 3, 1), (run_program, 3, 2)]
            assert calls[0][0] is not calls[1][0], "the second run is in another process"

    return run


def test_program_runs_again_in_a_second_process(run: Callable[..., list[Frames]]) -> None:
    frames = frames_of(pitch_semitones=[60.0, np.nan])
    assert run(frames, frames_of(pitch_semitones=[60.0, np.nan])) == [frames]


@pytest.mark.parametrize(
    "changed", [{"pitch_semitones": [60.0, 61.001]}, {"confidence": [0.9, 0.7]}, {"volume": [1.0, 2.0]}]
)
def test_other_frames_in_the_second_process_are_an_error(
    changed: dict[str, list[float]], run: Callable[..., list[Frames]]
) -> None:
    with pytest.raises(ProgramError, match="other frames for a"):
        run(frames_of(), frames_of(**changed))
