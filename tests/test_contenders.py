"""Other ways to run the stream: TorchScript and ONNX Runtime give eager's frames, and forget at a reset."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from workbench.errors import LoweringError, ProgramError
from workbench.export.onnx import missing, to_onnx
from workbench.export.torchscript import traced
from workbench.model.forms import Forms
from workbench.model.pesto import load_upstream
from workbench.model.stream import Stream
from workbench.model.streaming import StreamingPesto
from workbench.runtime.eager import UpstreamSession
from workbench.runtime.onnx import OnnxSession
from workbench.runtime.session import Frames, Session, chunks, join, roll
from workbench.runtime.torchscript import TorchScriptSession

STREAM = Stream(16_000, 320, 1, 1.0)
TWO = Stream(16_000, 320, 2, 0.0, streams=2)
Sing = Callable[[int, float], np.ndarray]
Open = Callable[[Stream], Session]


def torchscript(stream: Stream, folder: Path) -> Session:
    path = folder / f"{stream.streams}.pt"
    if not path.exists():
        path.write_bytes(traced(load_upstream("mir-1k_g7", stream), stream))
    return TorchScriptSession(path, stream)


def onnx(stream: Stream, folder: Path) -> Session:
    if missing():
        pytest.skip(missing())
    path = folder / f"{stream.streams}.onnx"
    if not path.exists():
        model = StreamingPesto(load_upstream("mir-1k_g7", stream), stream, Forms("grouped"), "explicit")
        path.write_bytes(to_onnx(model))
    return OnnxSession(path, stream, 1)


@pytest.fixture(scope="module", params=[torchscript, onnx], ids=lambda make: make.__name__)
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Open:
    folder = tmp_path_factory.mktemp("files")
    return lambda stream: request.param(stream, folder)


def assert_same(got: Frames, expected: Frames) -> None:
    for what in ("pitch_semitones", "confidence", "volume"):
        assert_array_equal(getattr(got, what), getattr(expected, what))


@pytest.mark.parametrize("stream", [STREAM, TWO], ids=["one", "two voices, two frames"])
def test_the_frames_are_eagers(opened: Open, stream: Stream, sing: Sing) -> None:
    audio = sing(16_000, 2.0)
    if stream.streams == 2:
        audio = np.stack([audio, audio[::-1]])
    eager = roll(UpstreamSession(load_upstream("mir-1k_g7", stream), stream), audio)
    got = roll(opened(stream), audio)
    assert (eager.confidence > 0.5).sum() > 20
    assert_allclose(got.pitch_semitones, eager.pitch_semitones, atol=1e-3)
    assert_allclose(got.confidence, eager.confidence, atol=1e-4)
    assert_allclose(got.volume, eager.volume, rtol=1e-3)


def test_reset_equals_a_fresh_session(opened: Open, sing: Sing) -> None:
    session, rows = opened(STREAM), list(chunks(sing(16_000, 0.8), STREAM))
    fresh = join([session.step(row) for row in rows])
    going_on = join([session.step(row) for row in rows])
    assert not np.array_equal(going_on.volume, fresh.volume)
    session.reset()
    assert_same(join([session.step(row) for row in rows]), fresh)
    assert_same(join([opened(STREAM).step(rows[0])]), join([fresh.__class__(*(a[:1] for a in _arrays(fresh)))]))


def test_one_voice_is_reset_and_the_other_goes_on(opened: Open, sing: Sing) -> None:
    session = opened(TWO)
    rows = list(chunks(np.stack([sing(16_000, 0.8)] * 2), TWO))
    fresh = [session.step(row) for row in rows]
    going_on = session.step(rows[0])
    session.reset()
    for row in rows:
        session.step(row)
    session.reset(1)
    mixed = session.step(rows[0])
    assert_array_equal(mixed.volume[0], going_on.volume[0])
    assert_array_equal(mixed.volume[1], fresh[0].volume[1])
    assert not np.array_equal(mixed.volume[0], mixed.volume[1])
    with pytest.raises(ProgramError, match=r"^no stream 2 to reset; there are 2, counted from 0$"):
        session.reset(2)


def test_sessions_of_one_file_share_no_memory(opened: Open, sing: Sing) -> None:
    one, other = opened(STREAM), opened(STREAM)
    rows = list(chunks(sing(16_000, 0.4), STREAM))
    alone = join([one.step(row) for row in rows])
    one.reset()
    mixed = []
    for row in rows:
        mixed.append(one.step(row))
        other.step(row[::-1].copy())
    assert_same(join(mixed), alone)


def test_what_does_not_fit_is_refused_and_changes_nothing(opened: Open, sing: Sing) -> None:
    session, row = opened(STREAM), sing(16_000, 0.5)[-320:]
    first = session.step(row)
    session.reset()
    with pytest.raises(ProgramError, match=r"^a chunk of 640 samples; this stream takes 320$"):
        session.step(np.zeros(640, np.float32))
    assert_same(session.step(row), first)
    assert all(array.flags.owndata and array.dtype == np.float32 for array in _arrays(first))


def test_files_that_are_something_else(tmp_path: Path) -> None:
    path = tmp_path / "program.pt"
    path.write_text("no")
    with pytest.raises(ProgramError) as caught:
        TorchScriptSession(path, STREAM)
    assert str(caught.value) == f"{path}: not TorchScript that torch can load; export it again"
    if not missing():
        with pytest.raises(ProgramError) as caught:
            OnnxSession(path, STREAM, 1)
        assert str(caught.value) == f"{path}: not a model with a ring that ONNX Runtime loads; export it again"


def test_a_script_without_memory_is_refused(tmp_path: Path) -> None:
    import torch

    path = tmp_path / "program.pt"
    torch.jit.save(torch.jit.trace(torch.nn.ReLU(), torch.zeros(1)), path)
    with pytest.raises(ProgramError) as caught:
        TorchScriptSession(path, STREAM)
    assert str(caught.value) == f"{path}: holds no streaming memory (*cache.pad); export the streaming model"


def test_onnx_wants_explicit_state(restated: StreamingPesto) -> None:
    with pytest.raises(LoweringError) as caught:
        to_onnx(restated)
    assert str(caught.value) == (
        "ONNX wants the memory as an input and an output; restate the model with explicit state"
    )


def test_what_to_install_for_onnx(monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.export import onnx as module

    monkeypatch.setattr(module, "_PACKAGES", ("numpy", "onnx_of_nowhere"))
    assert missing() == "onnx_of_nowhere not installed: pip install 'pesto-workbench[onnx]'"


def _arrays(frames: Frames) -> tuple[np.ndarray, ...]:
    return frames.pitch_semitones, frames.confidence, frames.volume
