"""Arrays from files that may be anything: readable, or one ValueError."""

import io
import random
import re
import zipfile
from typing import Any

import numpy as np
import pytest

from workbench.storage.npz import read_npz_columns

NAMES = ("a", "b")


def npz(**arrays: Any) -> bytes:
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=True, **arrays)
    return content.getvalue()


GOOD = npz(a=np.arange(40.0), b=np.arange(40) > 7, c=np.array("other"))


def with_header(header: bytes) -> bytes:
    """Arrays with this text as their `.npy` header."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in NAMES:
            archive.writestr(f"{name}.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    return content.getvalue()


BAD = {
    "empty-file": b"",
    "text": b"la la",
    "npy": zipfile.ZipFile(io.BytesIO(GOOD)).read("a.npy"),
    "missing-array": npz(a=np.ones(3)),
    "different-lengths": npz(a=np.ones(3), b=np.ones(4)),
    **{f"shape-{shape}": npz(a=np.ones(shape), b=np.ones(shape)) for shape in ((3, 1), (), (0,))},
    "strings": npz(a=np.array(["1"]), b=np.array(["2"])),
    "complex": npz(a=np.ones(2, complex), b=np.ones(2)),
    "objects": npz(a=np.array([{}], dtype=object), b=np.ones(1)),
    "encrypted": re.sub(rb"(PK\x03\x04..|PK\x01\x02....)\0", rb"\1\1", GOOD, flags=re.DOTALL),  # a flag in each header
    "too-large": with_header(b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000000,)}"),
    "no-header": with_header(b"(" * 500),
    "half-a-header": with_header(b"{'descr': '<f8', 'fortran_order': '''"),
}


def test_read_npz_columns_returns_the_named_arrays() -> None:
    columns = read_npz_columns(GOOD, NAMES)
    assert {name: column.tolist() for name, column in columns.items()} == {
        "a": [float(n) for n in range(40)],
        "b": [n > 7 for n in range(40)],
    }


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_read_npz_columns_bad_content_raises(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"arrays"):
        read_npz_columns(content, NAMES)


def test_read_npz_columns_any_flipped_byte_raises_or_reads() -> None:
    draw, rejected = random.Random(0), 0
    for index in range(len(GOOD)):
        damaged = bytearray(GOOD)
        damaged[index] ^= draw.randrange(1, 256)
        try:
            read_npz_columns(bytes(damaged), NAMES)
        except ValueError:
            rejected += 1
    assert rejected > len(GOOD) / 2
