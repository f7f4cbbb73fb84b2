"""Opening a program by its suffix: its metadata, and clips run through it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.frames import assert_same
from tests.helpers.programs import ProgramFactory
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime import open_program as opening
from workbench.runtime.open_program import describe_program, import_runtime, open_program, read_metadata, run_program
from workbench.runtime.session import run_chunks

Sing = Callable[[int, float], np.ndarray]


@pytest.fixture(scope="module")
def script(program_for: ProgramFactory, stream: StreamConfig) -> Path:
    """A TorchScript program, the format that is exported fastest."""
    return program_for(stream, backend="torchscript")


def test_both_ways_to_the_metadata_agree(script: Path, stream: StreamConfig) -> None:
    import_runtime(script)  # nothing to import
    metadata = describe_program(script)
    assert metadata == read_metadata(script)
    assert (metadata.stream, metadata.state, metadata.confidence_threshold) == (stream, "internal", None)


def test_run_program_resets_before_each_time(script: Path, sing: Sing, monkeypatch: pytest.MonkeyPatch) -> None:
    requested: list[int] = []
    monkeypatch.setattr(opening, "set_num_threads", requested.append)
    clips = [sing(16_000, 0.5), sing(16_000, 0.3)]
    frames = run_program(script, clips, times=2, threads=1)
    assert requested == [1]
    for clip, of_clip in zip(clips, frames, strict=True):
        assert_same(of_clip, run_chunks(open_program(script), clip))
    (reset,) = run_program(script, clips[:1], state_handling="reset-per-chunk")
    assert not np.array_equal(reset.volume, frames[0].volume)
