"""Upstream's own export: what torch refuses is one line. Running it: tests/runtime."""

import pytest
import torch

from workbench.errors import LoweringError
from workbench.export.torchscript import trace_upstream
from workbench.model.upstream import load_upstream
from workbench.recipe.stream_config import StreamConfig


def test_torch_error_without_text_names_its_type(stream: StreamConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(torch.jit, "trace", silent)
    with pytest.raises(LoweringError, match=r"^tracing to TorchScript failed \(RuntimeError\)$"):
        trace_upstream(load_upstream("mir-1k_g7", stream), stream, {})


def test_every_byte_of_the_file_is_accounted_for(stream: StreamConfig) -> None:
    program = trace_upstream(load_upstream("mir-1k_g7", stream), stream, {})
    assert sum(program.bytes_by_kind.values()) == len(program.content)
    assert sum(program.bytes_by_part.values()) == sum(program.bytes_by_dtype.values())
    assert sum(program.bytes_by_part.values()) == program.bytes_by_kind["tensors"]
    assert program.float_ops["convolution"] == program.graph_ops["_convolution"]
