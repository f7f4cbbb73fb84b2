"""What the host of a program does itself: keep past audio, and compute the front end in numpy."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from workbench.errors import LoweringError, ProgramError
from workbench.export.host_frontend import host_file
from workbench.export.metadata import ProgramMetadata, build_metadata, metadata_of, parse_metadata
from workbench.model.streaming import StreamingPesto
from workbench.model.upstream import load_upstream
from workbench.recipe.options import OUTPUTS, Frontend, State
from workbench.recipe.stream_config import Implementations, StreamConfig
from workbench.runtime.host_state import NoState, StateBuffer, WindowBuffer, host_of
from workbench.runtime.numpy_frontend import NumpyFrontend

Sing = Callable[[int, float], np.ndarray]


def network_of(stream: StreamConfig, frontend: Frontend = "grouped") -> StreamingPesto:
    return StreamingPesto(
        load_upstream("mir-1k_g7", stream), stream, Implementations(frontend), "none", scope="network"
    )


@pytest.mark.parametrize("frontend", ["grouped", "upstream"])
@pytest.mark.parametrize(
    "stream",
    [
        StreamConfig(16_000, 320, 1, 1.0),
        StreamConfig(16_000, 160, 3, 0.5, streams=2),
        StreamConfig(16_000, 320, 2, 0.0),
    ],
    ids=["one frame", "two voices, three frames, half mirrored", "whole window"],
)
def test_numpy_and_torch_hear_the_same(stream: StreamConfig, frontend: Frontend, sing: Sing, tmp_path: Path) -> None:
    model = network_of(stream, frontend)
    path = tmp_path / "program.npz"
    path.write_bytes(host_file(model))
    length = model.past_samples + stream.chunk_samples
    song = sing(16_000, 1.0)
    window = np.stack([song[4000 + at * 1000 :][:length] for at in range(1, 1 + stream.streams)])
    got = NumpyFrontend(path, str(metadata_of(model)["host_sha256"]))(window)
    expected = model.frontend(model.framing(torch.from_numpy(window))).numpy()
    assert got.dtype == np.float32 and got.shape == (stream.streams * stream.frames_per_chunk, model.bins)
    assert expected.max() > 0.1
    assert_allclose(np.sqrt(got), np.sqrt(expected), rtol=1e-5, atol=1e-6)  # quiet bins cancel from loud samples
    silence = NumpyFrontend(path, str(metadata_of(model)["host_sha256"]))(np.zeros_like(window))
    assert_array_equal(silence, np.full_like(silence, model.frontend(torch.zeros(1, _frame(model))).numpy()[0, 0]))


def _frame(model: StreamingPesto) -> int:
    return int(model.framing.frame_samples)


def test_low_rank_is_no_plain_matrix() -> None:
    with pytest.raises(LoweringError) as caught:
        host_file(network_of(StreamConfig(16_000, 320, 1, 1.0), "low-rank"))
    assert str(caught.value) == "the host computes only plain matrices; use frontend: grouped or upstream"


def test_the_file_is_the_same_each_time(stream: StreamConfig) -> None:
    assert host_file(network_of(stream)) == host_file(network_of(stream))


def test_a_front_end_that_is_not_the_programs(tmp_path: Path, stream: StreamConfig) -> None:
    path = tmp_path / "program.npz"

    def refusal(sha256: str) -> str:
        with pytest.raises(ProgramError) as caught:
            NumpyFrontend(path, sha256)
        return str(caught.value)

    assert refusal("0") == (
        f"{path}: the program's front end cannot be read (No such file or directory); copy this file with the program"
    )
    path.write_bytes(b"something else")
    assert refusal("0") == f"{path}: not the front end that the program was built with; rebuild the program"
    import hashlib

    assert refusal(hashlib.sha256(b"something else").hexdigest()).startswith(f"{path}: not a workbench front end (")


# --- memory


def metadata(state: State) -> ProgramMetadata:
    stream = StreamConfig(16_000, 320, 1, 1.0, streams=2)
    return parse_metadata(build_metadata(stream, 25.0, "alwa", state, 3, OUTPUTS), Path("p.pte"))


AUDIO = np.arange(1, 5, dtype=np.float32).reshape(2, 2)


def test_a_host_keeps_the_past_of_each_stream() -> None:
    window = host_of(metadata("none"), Path("p.pte"))
    assert isinstance(window, WindowBuffer)
    assert_array_equal(window.inputs(AUDIO)[0], [[0, 0, 0, 1, 2], [0, 0, 0, 3, 4]])
    assert_array_equal(window.inputs(AUDIO)[0], [[0, 0, 0, 1, 2], [0, 0, 0, 3, 4]])  # the call failed: nothing is kept
    window.update([])
    assert_array_equal(window.inputs(AUDIO)[0], [[0, 1, 2, 1, 2], [0, 3, 4, 3, 4]])
    window.update([])
    window.reset(1)
    assert_array_equal(window.inputs(AUDIO)[0], [[2, 1, 2, 1, 2], [0, 0, 0, 3, 4]])
    window.reset(None)
    assert_array_equal(window.inputs(AUDIO)[0], [[0, 0, 0, 1, 2], [0, 0, 0, 3, 4]])


def test_a_host_hands_the_ring_in_and_keeps_what_comes_back() -> None:
    ring = host_of(metadata("explicit"), Path("p.pte"))
    assert isinstance(ring, StateBuffer)
    assert_array_equal(ring.inputs(AUDIO)[1], np.zeros((2, 3)))
    back = np.arange(6, dtype=np.float32).reshape(2, 3)
    back.flags.writeable = False  # as a runtime's outputs may be
    ring.update([AUDIO, back])
    assert_array_equal(ring.inputs(AUDIO)[1], back)
    ring.reset(0)
    assert_array_equal(ring.inputs(AUDIO)[1], [[0, 0, 0], [3, 4, 5]])


def test_who_keeps_nothing() -> None:
    for state in ("internal", "frozen"):
        host = host_of(metadata(state), Path("p.pte"))
        assert isinstance(host, NoState)
        (heard,) = host.inputs(AUDIO)
        assert heard is AUDIO
