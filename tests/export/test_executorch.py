"""Lowering: what is in the file, the same bytes each time, and what is refused. Running it: tests/runtime."""

import gc
import linecache
from collections.abc import Callable
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
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.executorch import PteSession
from workbench.runtime.session import run_chunks
from workbench.storage.hashing import sha256_of

pytestmark = pytest.mark.slow

Sing = Callable[[int, float], np.ndarray]


def test_metadata_are_those_of_the_model(program: Path, restated: StreamingPesto) -> None:
    assert PteSession(program).metadata.entries() == metadata_of(restated)


def test_every_convolution_and_linear_is_delegated(lowered: ExportedProgram) -> None:
    # constant-Q; first, two prefilters and four narrow layers of the encoder; confidence. Linear: Toeplitz, confidence.
    nodes = lowered.nodes
    assert (nodes.delegated_ops["convolution"], nodes.delegated_ops["linear"]) == (9, 2)
    assert not {"convolution", "linear", "addmm", "mm"} & set(nodes.portable_ops)
    assert {backend for backend, _ in nodes.delegates} == {"XnnpackBackend"}
    assert sum(count for _, count in nodes.delegates) == sum(nodes.delegated_ops.values())


def test_every_byte_of_the_file_is_accounted_for(lowered: ExportedProgram, restated: StreamingPesto) -> None:
    assert all(count >= 0 for count in lowered.bytes_by_kind.values())
    assert sum(lowered.bytes_by_kind.values()) == len(lowered.content)
    assert lowered.bytes_by_kind["initial_state"] == 2 * 4 * restated.ring.numel()  # for `forward` and `reset`
    weight_bytes = sum(lowered.bytes_by_part.values())
    tensors = [tensor for name, tensor in restated.state_dict().items() if name != "ring"]
    assert weight_bytes == sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    stored_bytes = lowered.bytes_by_kind["delegate_weights"] + lowered.bytes_by_kind["other_constants"]
    assert 0 <= stored_bytes - weight_bytes < 50_000


def test_record_agrees_with_the_program(lowered: ExportedProgram) -> None:
    record = describe(lowered, "program.pte", "internal")
    assert (record.bytes, record.sha256) == (len(lowered.content), sha256_of(lowered.content))
    assert record.delegated_nodes == sum(delegate.nodes for delegate in record.delegates)
    assert record.portable_nodes == sum(lowered.nodes.portable_ops.values()) > 0
    assert record.float_ops == {"convolution": 9, "linear": 2, "mm": 7}  # mm: reductions over bins and neighbours
    assert record.quantized_ops == {}


def test_lowering_again_gives_the_same_bytes(lowered: ExportedProgram, restated: StreamingPesto, sing: Sing) -> None:
    restated.estimate(torch.tensor(sing(16_000, 0.4)[None, -320:]))  # audio in the state must not reach the file
    assert lower(restated, "xnnpack").content == lowered.content
    assert restated.ring.abs().max() == 0


def test_lowered_graphs_are_released(restated: StreamingPesto) -> None:
    """Without it, caches of torch and ExecuTorch keep each graph and its weights until the process ends."""

    def kept() -> tuple[int, int]:
        gc.collect()
        graphs = sum(isinstance(found, torch.export.ExportedProgram) for found in gc.get_objects())
        return graphs, sum(name.startswith("<eval_with_key>") for name in linecache.cache)

    lower(restated, "xnnpack")
    graphs, sources = kept()
    lower(restated, "xnnpack")
    graphs_again, sources_again = kept()
    assert graphs_again <= graphs
    assert sources_again == sources == 0


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


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        (without_update, "lowering to xnnpack takes the streaming state (ring) out of the program"),
        (data_dependent, "lowering to xnnpack failed ("),
    ],
)
def test_model_that_cannot_be_lowered_is_one_line(
    forward: Callable[..., object], message: str, stream: StreamConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = StreamingPesto(load_upstream("mir-1k_g7", stream), stream)
    monkeypatch.setattr(StreamingPesto, "forward", forward)
    with pytest.raises(LoweringError) as caught:
        lower(model, "xnnpack")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
