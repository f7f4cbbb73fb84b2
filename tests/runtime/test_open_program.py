"""Opening a program of any format by its suffix, files that are refused, and calls that fail."""

import io
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from tests.helpers.frames import assert_same
from tests.helpers.models.programs import ProgramFactory
from workbench.errors import ProgramError
from workbench.export.metadata import METADATA_KEY, as_json, build_metadata, parse_metadata
from workbench.extras import ONNX
from workbench.recipe.options import OUTPUTS
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.executorch import PteSession
from workbench.runtime.host_state import host_of
from workbench.runtime.onnxruntime import OnnxSession
from workbench.runtime.open_program import describe_program, open_program, read_metadata, run_program
from workbench.runtime.session import run_chunks
from workbench.runtime.torchscript import TorchScriptSession

NO_ONNX = pytest.mark.skipif(bool(ONNX.missing_hint()), reason=ONNX.missing_hint())
TWO_STREAMS = StreamConfig(16_000, 2, 1, 1.0, streams=2)
METADATA = build_metadata(TWO_STREAMS, 25.0, "alwa", "explicit", 3, OUTPUTS)
AUDIO, STATE = np.ones((2, 2), np.float32), np.ones((2, 3), np.float32)


@pytest.fixture(scope="module")
def script(program_for: ProgramFactory, stream: StreamConfig) -> Path:
    """A TorchScript program, the format that is exported fastest."""
    return program_for(stream, backend="torchscript")


def test_both_ways_to_the_metadata_agree(script: Path, stream: StreamConfig) -> None:
    metadata = describe_program(script)
    assert metadata == read_metadata(script)
    assert (metadata.stream, metadata.state, metadata.confidence_threshold) == (stream, "internal", None)


def test_run_program_resets_before_each_time(
    script: Path, sing: Callable[[int, float], np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    requested: list[int] = []
    monkeypatch.setattr("workbench.runtime.executorch.set_num_threads", requested.append)
    clips = [sing(16_000, 0.5), sing(16_000, 0.3)]
    frames = run_program(script, clips, times=2, threads=1)
    assert requested == [1]
    for clip, of_clip in zip(clips, frames, strict=True):
        assert_same(of_clip, run_chunks(open_program(script), clip))
    (reset,) = run_program(script, clips[:1], state_handling="reset-per-chunk")
    assert not np.array_equal(reset.volume, frames[0].volume)


def script_of_a_relu(**metadata: Any) -> bytes:
    content, extra_files = io.BytesIO(), {METADATA_KEY: as_json(metadata)}
    torch.jit.save(torch.jit.trace(torch.nn.ReLU(), torch.zeros(1)), content, _extra_files=extra_files)
    return content.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("absent.pt", b"", "no such program"),
        ("program.pt", b"no", "not TorchScript that torch can load"),
        ("program.pt", script_of_a_relu(), "no stream metadata"),
        ("program.pt", script_of_a_relu(**METADATA), r"has no streaming state \(\*cache.pad\)"),
        ("program.pt", script_of_a_relu(workbench_format=9), "metadata format 9"),
        pytest.param("program.onnx", b"no", r"not a model that ONNX Runtime loads \([^\n]*$", marks=NO_ONNX),
    ],
)
def test_other_file_is_refused(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name.replace("absent", "other")).write_bytes(content)
    with pytest.raises(ProgramError, match=message):
        open_program(tmp_path / name)


def session_on(run: Callable[[], list[np.ndarray]], session_type: type[Any]) -> Any:
    """A session whose runtime is replaced by a function that returns the outputs."""
    session = session_type.__new__(session_type)
    session.metadata = parse_metadata(METADATA, Path("p.pte"))
    session.stream, session._host = TWO_STREAMS, host_of(session.metadata, Path("p.pte"))
    session._model = lambda *_: [torch.tensor(array) for array in run()]
    session._forward = SimpleNamespace(execute=session._model)
    session._runtime, session._names = SimpleNamespace(run=lambda *_: run()), ("audio", "ring")
    return session


def test_failing_runtime_raises_program_error() -> None:
    def fail() -> list[np.ndarray]:
        raise RuntimeError("The following operation failed in the TorchScript interpreter.\nRuntimeError: too small\n")

    for session_type, message in (
        (PteSession, "the program failed while running"),
        (OnnxSession, "the model failed while running"),
        (TorchScriptSession, r"the script failed while running \(RuntimeError: too small\)$"),
    ):
        with pytest.raises(ProgramError, match=message):
            session_on(fail, session_type).step(AUDIO)


@pytest.mark.parametrize("session_type", [PteSession, OnnxSession])
@pytest.mark.parametrize("returned", [[AUDIO, AUDIO, AUDIO, STATE], [AUDIO[:, :1]] * 3], ids=["frames", "state"])
def test_refused_outputs_leave_the_state(returned: list[np.ndarray], session_type: type[Any]) -> None:
    session = session_on(lambda: returned, session_type)
    with pytest.raises(ProgramError, match="the program returned"):
        session.step(AUDIO)
    assert not session._host.inputs(AUDIO)[1].any()
