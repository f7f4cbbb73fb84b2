"""Reads arrays from a `.npz` file that may be damaged, or that may not be a `.npz` at all."""

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

ZIP_ERRORS = (
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
"""Errors that zipfile and its decompressors raise if a zip file is damaged."""

_HEADER_ERRORS = (KeyError, TypeError, SyntaxError, tokenize.TokenError, MemoryError)  # of numpy, for a damaged header


def read_npz_columns(content: bytes, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Reads one-dimensional arrays of one length from the bytes of a `.npz` file.

    Args:
        content: The bytes of the file.
        names: The names of the arrays to read; others are ignored.

    Returns:
        By name, arrays (n,) of numbers or booleans, n > 0.

    Raises:
        ValueError: The file is damaged, an array is missing, or it has another shape or type.
    """
    try:
        with io.BytesIO(content) as file, zipfile.ZipFile(file) as archive:
            columns = {name: _array(archive, f"{name}.npy") for name in names}
    except (*ZIP_ERRORS, *_HEADER_ERRORS) as error:
        raise ValueError("cannot be read as arrays") from error
    shapes = {array.shape for array in columns.values()}
    if len(shapes) > 1 or any(len(shape) != 1 or shape[0] == 0 for shape in shapes):
        raise ValueError("expected one-dimensional arrays of the same length")
    if any(array.dtype.kind not in "bfiu" for array in columns.values()):
        raise ValueError("expected arrays of numbers or booleans")
    return columns


def _array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    with archive.open(name) as file:
        array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    return array
