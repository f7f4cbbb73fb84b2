"""Arrays from files that may be anything: each is good, or one line."""

import io
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.records.test_external_frames import STREAM, clip
from workbench.errors import WorkbenchError
from workbench.measure.deviation import PairedFrames
from workbench.recipe.options import OUTPUTS
from workbench.records.external_frames import read_recorded
from workbench.records.frames import frames_path, read_frames, write_frames
from workbench.runtime.session import Frames
from workbench.storage.npz import read_npz_columns

NAMES = ("a", "b")


def npz(**arrays: Any) -> bytes:
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=True, **arrays)
    return content.getvalue()


def npy(array: Any) -> bytes:
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


def encrypted() -> bytes:
    """Only its flags say so."""
    whole = bytearray(GOOD)
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := whole.find(mark, at + 1)) >= 0:
            whole[at + flags] |= 1
    return bytes(whole)


def headed(header: bytes) -> bytes:
    """An array that says something else of itself."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in NAMES:
            archive.writestr(f"{name}.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    return content.getvalue()


GOOD = npz(a=np.arange(40.0), b=np.arange(40) > 7, c=np.array("other"))
BAD = {
    "nothing": b"",
    "text": b"la la",
    "a .npy": npy(np.arange(4.0)),
    "a pickle": npy(np.array([{}], dtype=object)),
    "an array is missing": npz(a=np.ones(3)),
    "of different lengths": npz(a=np.ones(3), b=np.ones(4)),
    "of two dimensions": npz(a=np.ones((3, 1)), b=np.ones((3, 1))),
    "of none": npz(a=np.ones(()), b=np.ones(())),
    "empty": npz(a=np.ones(0), b=np.ones(0)),
    "of text": npz(a=np.array(["1"]), b=np.array(["2"])),
    "complex": npz(a=np.ones(2, complex), b=np.ones(2)),
    "of objects": npz(a=np.array([{}], dtype=object), b=np.ones(1)),
    "encrypted": encrypted(),
    "too large for any machine": headed(b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000000,)}"),
    "a header that is none": headed(b"(" * 500),
    "half a header": headed(b"{'descr': '<f8', 'fortran_order': '''"),
}


def test_good_ones() -> None:
    found = read_npz_columns(GOOD, NAMES)
    np.testing.assert_array_equal(found["a"], np.arange(40.0))
    np.testing.assert_array_equal(found["b"], np.arange(40) > 7)


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_bad_ones(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"^not "):
        read_npz_columns(content, NAMES)


def test_a_flipped_byte_anywhere_is_no_traceback() -> None:
    draw, refused = random.Random(0), 0
    for at in range(len(GOOD)):
        damaged = bytearray(GOOD)
        damaged[at] ^= draw.randrange(1, 256)
        try:
            read_npz_columns(bytes(damaged), NAMES)
        except ValueError:
            refused += 1
    assert refused > len(GOOD) / 2


def of_a_run(folder: Path) -> Path:
    side = Frames(*(np.arange(4, dtype=np.float32) for _ in range(3)))
    return write_frames(folder, PairedFrames("bass", side, side, np.ones(4, bool), "known f0"), np.arange(4.0))


def spoilt(**changed: object) -> Callable[[bytes], bytes]:
    def change(whole: bytes) -> bytes:
        with np.load(io.BytesIO(whole)) as stored:
            return npz(**{**stored, **changed})

    return change


@pytest.mark.parametrize(
    "change",
    [
        lambda whole: whole[: (at := whole.find(b"variant_volume.npy") + 40)] + b"?" + whole[at + 1 :],
        lambda _: BAD["a .npy"],
        spoilt(variant_volume=np.ones(3)),
        spoilt(variant_volume=np.array(["1"] * 4)),
    ],
)
def test_frames_of_a_run_that_were_spoilt_are_one_line(change: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = of_a_run(tmp_path)
    assert read_frames(tmp_path, "bass") is not None
    assert read_recorded([path], [clip("bass")], STREAM, OUTPUTS)["bass"].calls == (1, 1, 1, 1)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(WorkbenchError) as caught:
        read_frames(tmp_path, "bass")
    assert str(caught.value) == f"{path}: not frames that a run left; run the recipe again with --fresh"
    with pytest.raises(WorkbenchError) as caught:
        read_recorded([path], [clip("bass")], STREAM, OUTPUTS)
    assert str(caught.value) == f"{path}: not frames that a run left; give those of its frames/, or a .csv"


def test_where_pitch_is_compared_is_no_list_of_places(tmp_path: Path) -> None:
    path = of_a_run(tmp_path)
    path.write_bytes(spoilt(voiced=np.arange(4))(path.read_bytes()))
    with pytest.raises(WorkbenchError):
        read_frames(tmp_path, "bass")
    assert path == frames_path(tmp_path, "bass")
