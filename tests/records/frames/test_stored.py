"""Stored frames of a run that were damaged afterwards: one line, never a traceback."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.records.frames.test_external import STREAM, clip
from workbench.errors import WorkbenchError
from workbench.measure.paired_frames import PairedFrames
from workbench.recipe.options import OUTPUTS
from workbench.records.frames.external import read_external_frames
from workbench.records.frames.stored import read_frames, write_frames
from workbench.runtime.session import Frames


def replace_arrays(path: Path, **arrays: Any) -> None:
    with np.load(path) as stored:
        whole = {**stored, **arrays}
    np.savez_compressed(path, **whole)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    side = Frames(*(np.arange(4, dtype=np.float32) for _ in range(3)))
    return write_frames(tmp_path, PairedFrames("bass", side, side, np.ones(4, bool), "known f0"), np.arange(4.0))


@pytest.mark.parametrize(
    "damage",
    [{}, {"variant_volume": np.ones(3)}, {"variant_volume": np.array(["1"] * 4)}],
    ids=["text", "other-length", "strings"],
)
def test_damaged_frames_are_an_error(damage: dict[str, object], path: Path) -> None:
    assert read_frames(path.parent.parent, "bass") is not None
    assert read_external_frames([path], [clip("bass")], STREAM, OUTPUTS)["bass"].calls == (1, 1, 1, 1)
    replace_arrays(path, **damage) if damage else path.write_text("la la")
    with pytest.raises(WorkbenchError, match="not a file of frames from a run; run the recipe again with --fresh"):
        read_frames(path.parent.parent, "bass")
    with pytest.raises(WorkbenchError, match=r"not a file of frames from a run; use a \.npz"):
        read_external_frames([path], [clip("bass")], STREAM, OUTPUTS)


def test_the_known_f0_is_stored_with_the_frames(path: Path) -> None:
    assert read_frames(path.parent.parent, "bass").known_hz is None
    side, known_hz = Frames(*(np.arange(4, dtype=np.float32) for _ in range(3))), np.array([0, np.nan, 220, 440.0])
    write_frames(path.parent.parent, PairedFrames("b", side, side, known_hz > 0, "known f0", known_hz), np.arange(4.0))
    np.testing.assert_array_equal(read_frames(path.parent.parent, "b").known_hz, known_hz)


def test_voiced_frames_that_are_no_mask_are_an_error(path: Path) -> None:
    replace_arrays(path, voiced=np.arange(4))
    with pytest.raises(WorkbenchError, match="not a file of frames"):
        read_frames(path.parent.parent, "bass")
