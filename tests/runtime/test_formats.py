"""Programs of other formats, and those whose host does more: all give eager's frames, and forget at a reset."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from workbench.errors import LoweringError, ProgramError
from workbench.export.exporter import Extra
from workbench.export.host_frontend import host_file
from workbench.export.metadata import METADATA_KEY, as_json, metadata_of
from workbench.export.onnx import ONNX_EXTRA, to_onnx
from workbench.export.torchscript import trace_upstream
from workbench.model.streaming import StreamingPesto
from workbench.model.upstream import load_upstream
from workbench.recipe.options import Scope, State
from workbench.recipe.stream_config import Implementations, StreamConfig
from workbench.runtime.eager import UpstreamSession
from workbench.runtime.open_program import open_program
from workbench.runtime.session import Frames, Session, chunks, concat_frames, run_chunks

STREAM = StreamConfig(16_000, 320, 1, 1.0)
TWO = StreamConfig(16_000, 320, 2, 0.0, streams=2)
Sing = Callable[[int, float], np.ndarray]
Open = Callable[[StreamConfig], Session]


def restated_of(stream: StreamConfig, state: State = "internal", scope: Scope = "whole") -> StreamingPesto:
    upstream = load_upstream("mir-1k_g7", stream)
    return StreamingPesto(upstream, stream, Implementations("grouped"), state, scope=scope)


def torchscript(stream: StreamConfig, folder: Path) -> Session:
    path = folder / f"{stream.streams}.pt"
    if not path.exists():
        told = metadata_of(restated_of(stream))
        path.write_bytes(trace_upstream(load_upstream("mir-1k_g7", stream), stream, told).content)
    return open_program(path)


def onnx(stream: StreamConfig, folder: Path, state: State = "explicit", scope: Scope = "whole") -> Session:
    if absent := ONNX_EXTRA.missing_hint():
        pytest.skip(absent)
    path = folder / f"{stream.streams}-{state}-{scope}.onnx"
    if not path.exists():
        model = restated_of(stream, state, scope)
        path.write_bytes(to_onnx(model))
        if scope == "network":
            path.with_suffix(".npz").write_bytes(host_file(model))
    return open_program(path)


def stateless(stream: StreamConfig, folder: Path) -> Session:
    return onnx(stream, folder, "none")


def hybrid(stream: StreamConfig, folder: Path) -> Session:
    return onnx(stream, folder, "none", "network")


KINDS = [torchscript, onnx, *(pytest.param(make, marks=pytest.mark.slow) for make in (stateless, hybrid))]


@pytest.fixture(scope="module", params=KINDS, ids=["torchscript", "onnx", "stateless", "hybrid"])
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Open:
    folder = tmp_path_factory.mktemp("files")
    return lambda stream: request.param(stream, folder)


def assert_same(got: Frames, expected: Frames) -> None:
    for what in ("pitch_semitones", "confidence", "volume"):
        assert_array_equal(getattr(got, what), getattr(expected, what))


@pytest.mark.parametrize("stream", [STREAM, TWO], ids=["one", "two voices, two frames"])
def test_the_frames_are_eagers(opened: Open, stream: StreamConfig, sing: Sing) -> None:
    audio = sing(16_000, 2.0)
    if stream.streams == 2:
        audio = np.stack([audio, audio[::-1]])
    eager = run_chunks(UpstreamSession(load_upstream("mir-1k_g7", stream), stream), audio)
    got = run_chunks(opened(stream), audio)
    assert (eager.confidence > 0.5).sum() > 20
    assert_allclose(got.pitch_semitones, eager.pitch_semitones, atol=1e-3)
    assert_allclose(got.confidence, eager.confidence, atol=1e-4)
    assert_allclose(got.volume, eager.volume, rtol=1e-3)


def test_reset_equals_a_fresh_session(opened: Open, sing: Sing) -> None:
    session, rows = opened(STREAM), list(chunks(sing(16_000, 0.8), STREAM))
    fresh = concat_frames([session.step(row) for row in rows])
    going_on = concat_frames([session.step(row) for row in rows])
    assert not np.array_equal(going_on.volume, fresh.volume)
    session.reset()
    assert_same(concat_frames([session.step(row) for row in rows]), fresh)
    assert_same(
        concat_frames([opened(STREAM).step(rows[0])]),
        concat_frames([fresh.__class__(*(a[:1] for a in _arrays(fresh)))]),
    )


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
    alone = concat_frames([one.step(row) for row in rows])
    one.reset()
    mixed = []
    for row in rows:
        mixed.append(one.step(row))
        other.step(row[::-1].copy())
    assert_same(concat_frames(mixed), alone)


def test_what_does_not_fit_is_refused_and_changes_nothing(opened: Open, sing: Sing) -> None:
    session, row = opened(STREAM), sing(16_000, 0.5)[-320:]
    first = session.step(row)
    session.reset()
    with pytest.raises(ProgramError, match=r"^a chunk of 640 samples; expected 320$"):
        session.step(np.zeros(640, np.float32))
    assert_same(session.step(row), first)
    assert all(array.flags.owndata and array.dtype == np.float32 for array in _arrays(first))


def test_files_that_are_something_else(tmp_path: Path) -> None:
    path = tmp_path / "program.pt"
    path.write_text("no")
    assert refusal(path) == f"{path}: not TorchScript that torch can load; export it again"
    assert refusal(tmp_path / "other.pt") == (
        f"{tmp_path}/other.pt: no such program; `workbench build RECIPE` makes one"
    )


def test_a_script_of_something_else_is_refused(tmp_path: Path, stream: StreamConfig, restated: StreamingPesto) -> None:
    import torch

    path, script = tmp_path / "program.pt", torch.jit.trace(torch.nn.ReLU(), torch.zeros(1))
    torch.jit.save(script, path)
    assert "no stream metadata" in refusal(path)
    told = metadata_of(restated)
    torch.jit.save(script, path, _extra_files={METADATA_KEY: as_json(told)})
    assert refusal(path) == f"{path}: has no streaming state (*cache.pad); export the streaming model"
    torch.jit.save(script, path, _extra_files={METADATA_KEY: as_json({**told, "workbench_format": 9})})
    assert refusal(path) == f"{path}: metadata format 9, expected 3; rebuild the program"
    del told["streams"]
    torch.jit.save(script, path, _extra_files={METADATA_KEY: as_json(told)})
    assert refusal(path) == f"{path}: the metadata entry streams is missing; rebuild the program"


def test_torch_that_fails_without_a_word_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    def silent(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(torch.jit, "trace", silent)
    with pytest.raises(LoweringError, match=r"^tracing to TorchScript failed \(RuntimeError\)$"):
        trace_upstream(load_upstream("mir-1k_g7", STREAM), STREAM, {})


def test_the_file_tells_the_stream(opened: Open) -> None:
    assert opened(TWO).stream == TWO


def test_what_to_install_for_onnx() -> None:
    assert (
        Extra("onnx", ("numpy", "onnx_of_nowhere")).missing_hint()
        == "onnx_of_nowhere not installed: pip install 'pesto-workbench[onnx]'"
    )


def refusal(path: Path) -> str:
    with pytest.raises(ProgramError) as caught:
        open_program(path)
    return str(caught.value)


def _arrays(frames: Frames) -> tuple[np.ndarray, ...]:
    return frames.pitch_semitones, frames.confidence, frames.volume
