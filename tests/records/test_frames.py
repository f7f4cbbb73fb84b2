"""Stored frames of a run that were damaged afterwards: one line, never a traceback."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.records.test_external_frames import STREAM, clip
from workbench.errors import WorkbenchError
from workbench.measure.deviation import PairedFrames
from workbench.recipe.options import OUTPUTS
from workbench.records.external_frames import read_external_frames
from workbench.records.frames import read_frames, write_frames
from workbench.runtime.session import Frames


def npz(**arrays: Any) -> bytes:
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    return content.getvalue()


def replaced(**arrays: object) -> Callable[[bytes], bytes]:
    def change(whole: bytes) -> bytes:
        with np.load(io.BytesIO(whole)) as stored:
            return npz(**{**stored, **arrays})

    return change


def flipped(whole: bytes) -> bytes:
    index = whole.find(b"variant_volume.npy") + 40
    return whole[:index] + b"?" + whole[index + 1 :]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    side = Frames(*(np.arange(4, dtype=np.float32) for _ in range(3)))
    return write_frames(tmp_path, PairedFrames("bass", side, side, np.ones(4, bool), "known f0"), np.arange(4.0))


@pytest.mark.parametrize(
    "change",
    [
        flipped,
        lambda _: b"la la",
        replaced(variant_volume=np.ones(3)),
        replaced(variant_volume=np.array(["1"] * 4)),
    ],
    ids=["flipped-byte", "text", "other-length", "strings"],
)
def test_damaged_frames_are_an_error(change: Callable[[bytes], bytes], path: Path) -> None:
    assert read_frames(path.parent.parent, "bass") is not None
    assert read_external_frames([path], [clip("bass")], STREAM, OUTPUTS)["bass"].calls == (1, 1, 1, 1)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(WorkbenchError, match="not a file of frames from a run; run the recipe again with --fresh"):
        read_frames(path.parent.parent, "bass")
    with pytest.raises(WorkbenchError, match=r"not a file of frames from a run; use a \.npz"):
        read_external_frames([path], [clip("bass")], STREAM, OUTPUTS)


def test_voiced_frames_that_are_no_mask_are_an_error(path: Path) -> None:
    path.write_bytes(replaced(voiced=np.arange(4))(path.read_bytes()))
    with pytest.raises(WorkbenchError, match="not a file of frames"):
        read_frames(path.parent.parent, "bass")
