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

ONE_FRAME, WHOLE_WINDOW = StreamConfig(16_000, 320, 1, 1.0), StreamConfig(16_000, 320, 2, 0.0)
HALF_MIRRORED = StreamConfig(16_000, 160, 3, 0.5, streams=2)


@pytest.mark.parametrize("frontend", ["grouped", "upstream"])
@pytest.mark.parametrize("stream", [ONE_FRAME, HALF_MIRRORED, WHOLE_WINDOW], ids=["one", "half", "whole"])
def test_numpy_equals_torch(
    stream: StreamConfig, frontend: Frontend, sing: Callable[[int, float], np.ndarray], tmp_path: Path
) -> None:
    model = network_of(stream, frontend)
    path = tmp_path / "program.npz"
    path.write_bytes(host_file(model))
    numpy_frontend = NumpyFrontend(path, str(metadata_of(model)["host_sha256"]))
    length, song = model.past_samples + stream.chunk_samples, sing(16_000, 1.0)
    window = np.stack([song[4000 + index * 1000 :][:length] for index in range(1, 1 + stream.streams)])
    actual = numpy_frontend(window)
    expected = model.frontend(model.framing(torch.from_numpy(window))).numpy()
    assert actual.dtype == np.float32 and actual.shape == (stream.streams * stream.frames_per_chunk, model.bins)
    assert expected.max() > 0.1
    assert_allclose(np.sqrt(actual), np.sqrt(expected), rtol=1e-5, atol=1e-6)  # in quiet bins, loud samples cancel
    silence = numpy_frontend(np.zeros_like(window))
    floor = model.frontend(torch.zeros(1, int(model.framing.frame_samples))).numpy()[0, 0]
    assert_array_equal(silence, np.full_like(silence, floor))


def test_other_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "program.npz"
    with pytest.raises(ProgramError, match="cannot be read"):
        NumpyFrontend(path, "0")
    path.write_bytes(b"other")
    with pytest.raises(ProgramError, match="not the front end that the program was built with"):
        NumpyFrontend(path, "0")
    with pytest.raises(ProgramError, match="not a workbench front end"):
        NumpyFrontend(path, sha256_of(b"other"))
