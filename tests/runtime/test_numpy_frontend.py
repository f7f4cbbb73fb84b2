"""The host's front end in numpy: equal to torch's, and only with the program's own file."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from tests.export.test_host_frontend import network_of
from workbench.errors import ProgramError
from workbench.export.host_frontend import host_file
from workbench.export.metadata import metadata_of
from workbench.recipe.options import Frontend
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.numpy_frontend import NumpyFrontend
from workbench.storage.hashing import sha256_of

Sing = Callable[[int, float], np.ndarray]


@pytest.mark.parametrize("frontend", ["grouped", "upstream"])
@pytest.mark.parametrize(
    "stream",
    [
        StreamConfig(16_000, 320, 1, 1.0),
        StreamConfig(16_000, 160, 3, 0.5, streams=2),
        StreamConfig(16_000, 320, 2, 0.0),
    ],
    ids=["one frame", "two streams, three frames, half mirrored", "whole window"],
)
def test_numpy_equals_torch(stream: StreamConfig, frontend: Frontend, sing: Sing, tmp_path: Path) -> None:
    model = network_of(stream, frontend)
    path = tmp_path / "program.npz"
    path.write_bytes(host_file(model))
    numpy_frontend = NumpyFrontend(path, str(metadata_of(model)["host_sha256"]))
    length = model.past_samples + stream.chunk_samples
    song = sing(16_000, 1.0)
    window = np.stack([song[4000 + index * 1000 :][:length] for index in range(1, 1 + stream.streams)])
    actual = numpy_frontend(window)
    expected = model.frontend(model.framing(torch.from_numpy(window))).numpy()
    assert actual.dtype == np.float32 and actual.shape == (stream.streams * stream.frames_per_chunk, model.bins)
    assert expected.max() > 0.1
    assert_allclose(np.sqrt(actual), np.sqrt(expected), rtol=1e-5, atol=1e-6)  # in quiet bins, loud samples cancel
    silence = numpy_frontend(np.zeros_like(window))
    floor = model.frontend(torch.zeros(1, int(model.framing.frame_samples))).numpy()[0, 0]
    assert_array_equal(silence, np.full_like(silence, floor))


@pytest.mark.parametrize(
    ("content", "sha256", "message"),
    [
        (None, "0", "cannot be read"),
        (b"other", "0", "not the front end that the program was built with"),
        (b"other", sha256_of(b"other"), "not a workbench front end"),
    ],
    ids=["missing", "of-another-program", "not-an-npz"],
)
def test_other_file_is_refused(content: bytes | None, sha256: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "program.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ProgramError, match=message):
        NumpyFrontend(path, sha256)
