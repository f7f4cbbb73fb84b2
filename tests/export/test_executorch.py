"""Lowering: what is in the file, the same bytes each time, and what is refused. Running it: tests/runtime."""

import gc
import linecache
from collections.abc import Callable
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from workbench.errors import LoweringError
from workbench.export.executorch import lower
from workbench.export.metadata import metadata_of
from workbench.export.program_file import ExportedProgram, describe
from workbench.model.streaming import StreamingPesto
from workbench.model.upstream import load_upstream
from workbench.recipe.options import ExecutorchBackend
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.executorch import PteSession
from workbench.runtime.session import run_chunks

pytestmark = pytest.mark.slow


def test_every_operator_and_byte_is_accounted_for(
    lowered: ExportedProgram, program: Path, restated: StreamingPesto
) -> None:
    # constant-Q; first, two prefilters and four narrow layers of the encoder; confidence. Linear: Toeplitz, confidence.
    nodes, kinds, record = lowered.nodes, lowered.bytes_by_kind, describe(lowered, "program.pte", "internal")
    assert PteSession(program).metadata.entries() == metadata_of(restated)
    assert (nodes.delegated_ops["convolution"], nodes.delegated_ops["linear"]) == (9, 2)
    assert not {"convolution", "linear", "addmm", "mm"} & set(nodes.portable_ops)
    assert {backend for backend, _ in nodes.delegates} == {"XnnpackBackend"}
    assert record.delegated_nodes == sum(delegate.nodes for delegate in record.delegates)
    assert record.portable_nodes == sum(nodes.portable_ops.values()) > 0
    assert record.float_ops == {"convolution": 9, "linear": 2, "mm": 7}  # mm: reductions over bins and neighbours
    assert record.quantized_ops == {}
    assert min(kinds.values()) >= 0 and sum(kinds.values()) == len(lowered.content)
    assert kinds["initial_state"] == 2 * 4 * restated.ring.numel()  # for `forward` and `reset`
    weight_bytes = sum(lowered.bytes_by_part.values())
    tensors = [tensor for name, tensor in restated.state_dict().items() if name != "ring"]
    assert weight_bytes == sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    assert 0 <= kinds["delegate_weights"] + kinds["other_constants"] - weight_bytes < 50_000


def test_zeros_of_the_state_are_stored_once_and_reset_still_works(
    lowered: ExportedProgram, restated: StreamingPesto, sing: Callable[[int, float], np.ndarray], tmp_path: Path
) -> None:
    """A session and its `reset` give the same frames as the program whose methods both have the zeros.

    So they do if the parts of the file are closer together.
    """
    once = lower(restated, "xnnpack", initial_state="once")
    state_bytes = 4 * restated.ring.numel()
    assert once.bytes_by_kind["initial_state"] == state_bytes
    assert state_bytes <= len(lowered.content) - len(once.content) <= state_bytes + 64
    close = lower(restated, "xnnpack", initial_state="once", segment_alignment=16)
    assert close.bytes_by_kind["rest"] < once.bytes_by_kind["rest"] - 500
    audio, frames = sing(16_000, 0.5), []
    for name, content in (("close", close.content), ("once", once.content), ("twice", lowered.content)):
        (tmp_path / name).write_bytes(content)
        session = PteSession(tmp_path / name)
        for _ in range(2):
            session.reset()
            frames.append(run_chunks(session, audio).pitch_semitones)
    for other in frames[1:]:
        assert_allclose(other, frames[0], rtol=0, atol=0)


def test_lowering_again_gives_the_same_bytes(
    lowered: ExportedProgram, restated: StreamingPesto, sing: Callable[[int, float], np.ndarray]
) -> None:
    """Nothing is left of the first time: caches of torch and ExecuTorch would keep each graph and its weights."""

    def graphs_kept() -> int:
        gc.collect()
        return sum(type(found) is torch.export.ExportedProgram for found in gc.get_objects())

    before = graphs_kept()
    restated.estimate(torch.tensor(sing(16_000, 0.4)[None, -320:]))  # audio in the state must not reach the file
    assert lower(restated, "xnnpack").content == lowered.content
    assert restated.ring.abs().max() == 0
    assert graphs_kept() <= before
    assert not [name for name in linecache.cache if name.startswith("<eval_with_key>")]


def test_patterns_that_are_not_looked_for_change_no_byte(
    lowered: ExportedProgram, restated: StreamingPesto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.export.executorch.without_unused_patterns", nullcontext)
    assert lower(restated, "xnnpack").content == lowered.content


def test_portable_kernels_give_the_same_frames(restated: StreamingPesto, tmp_path: Path, program: Path) -> None:
    portable = lower(restated, "portable")
    assert (portable.nodes.delegated_ops, portable.nodes.delegates) == ({}, ())
    assert sum(portable.bytes_by_kind.values()) == len(portable.content)
    path = tmp_path / "portable.pte"
    path.write_bytes(portable.content)
    tone = np.sin(2 * np.pi * 440 / 16_000 * np.arange(640)).astype(np.float32)
    actual, expected = run_chunks(PteSession(path), tone), run_chunks(PteSession(program), tone)
    assert_allclose(actual.confidence, expected.confidence, atol=1e-4)
    assert_allclose(actual.volume, expected.volume, rtol=1e-5)


def without_update(model: StreamingPesto, audio: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Reads the state and does not write it."""
    energy = model.frontend(model.framing(torch.cat((model.ring, audio), -1)))
    return energy.sum(-1), energy.sum(-1), energy.sum(-1)


def data_dependent(model: StreamingPesto, audio: torch.Tensor) -> torch.Tensor:
    return audio if audio.sum() > 0 else model.ring


NO_OPENVINO = pytest.mark.skipif(find_spec("openvino") is None, reason="the extra openvino is not installed")


@pytest.mark.parametrize(
    ("backend", "forward", "message"),
    [
        ("xnnpack", without_update, r"xnnpack takes the streaming state \(ring\) out of the program"),
        ("xnnpack", data_dependent, r"xnnpack failed \([^\n]*$"),
        pytest.param("openvino", StreamingPesto.forward, "openvino takes the streaming state", marks=NO_OPENVINO),
    ],
)
def test_model_that_cannot_be_lowered_is_one_line(
    backend: ExecutorchBackend,
    forward: Callable[..., object],
    message: str,
    stream: StreamConfig,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(StreamingPesto, "forward", forward)
    with pytest.raises(LoweringError, match=f"^lowering to {message}"):
        lower(StreamingPesto(load_upstream("mir-1k_g7", stream), stream), backend)
