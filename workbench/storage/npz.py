"""The arrays of a .npz that may be anything: damaged, or another file that is called so."""

import io
import lzma
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

UNREADABLE = (  # what zipfile and the decompressors that it calls raise for a damaged zip
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    IndexError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)
_NO_ARRAY = (KeyError, TypeError, SyntaxError, tokenize.TokenError, MemoryError)  # and numpy, for a header that is none


def read_npz_columns(content: bytes, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Those arrays by name: each (n,) of numbers or of truth values, n the same for all and not 0.

    Raises ValueError where the content has no such arrays.
    """
    try:
        with io.BytesIO(content) as file, zipfile.ZipFile(file) as archive:
            found = {name: _array(archive, f"{name}.npy") for name in names}
    except (*UNREADABLE, *_NO_ARRAY) as error:
        raise ValueError("not arrays that can be read") from error
    shapes = {array.shape for array in found.values()}
    if len(shapes) > 1 or any(len(shape) != 1 or shape[0] == 0 for shape in shapes):
        raise ValueError("not columns of one length")
    if any(array.dtype.kind not in "bfiu" for array in found.values()):
        raise ValueError("not numbers")
    return found


def _array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    with archive.open(name) as file:
        array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    return array
