"""Multiply-adds and bytes of layers against counts by hand."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn
from torch.fx import GraphModule

from workbench.measure.operators.figures import layer_group
from workbench.measure.operators.layer_costs import Layer, layers_in
from workbench.model.streaming import StreamingPesto
from workbench.model.upstream import load_upstream
from workbench.quantize.pt2e.annotate import quantize_part
from workbench.recipe import Quantization
from workbench.recipe.options import Scheme
from workbench.recipe.stream_config import Implementations, StreamConfig

STREAM = StreamConfig(16_000, 320, 1, 1.0)


def traced(module: nn.Module, inputs: Sequence[Tensor]) -> GraphModule:
    return torch.export.export(module, tuple(inputs)).module(check_guards=False)


class ColumnUsedTwice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 5)
        self.conv = nn.Conv2d(1, 4, (1, 3), padding=(0, 1), bias=False)
        self.register_buffer("column", torch.ones(5, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.linear(x)  # (2, 3) -> (2, 5)
        x = x * (x @ self.column) * (x.abs() @ self.column)
        return self.conv(x[:, None, None, :])


def test_layers_against_counts_by_hand() -> None:
    x = torch.ones(2, 3)
    assert layers_in(traced(ColumnUsedTwice(), [x]), [x]) == [
        Layer(name="linear", dtype="float32", macs=2 * 3 * 5, bytes=4 * (3 * 5 + 5)),
        Layer(name="", dtype="float32", macs=2 * (2 * 5 * 1), bytes=4 * 5),  # one column, used twice
        Layer(name="conv", dtype="float32", macs=2 * 4 * 5 * 3, bytes=4 * 4 * 3),
    ]


@pytest.mark.parametrize(
    ("scheme", "dtype", "weight_bytes"),
    [("int8-static", "int8", 16 * 8), ("int4-weights", "float32", 8 * 8), ("int12-weights", "float32", 24 * 8 + 8 * 4)],
)
def test_a_layer_multiplies_in_int8_if_both_inputs_are_int8(scheme: Scheme, dtype: str, weight_bytes: int) -> None:
    x = torch.rand(64, 16)
    rules = Quantization(parts={"part.0": scheme})
    module = nn.Sequential(nn.Linear(16, 8), nn.Linear(8, 4))
    converted = quantize_part(module, "part", rules, (x,), lambda _: None).module
    # a scale for each output beside the weights, and a float bias
    macs = 16 * 8 * (2 if scheme == "int12-weights" else 1)
    first = Layer(name="0", dtype=dtype, macs=macs, bytes=weight_bytes + 4 * 8 + 4 * 8)  # type: ignore[arg-type]
    last = Layer(name="1", dtype="float32", macs=8 * 4, bytes=4 * (8 * 4 + 4))
    assert layers_in(converted, [x[:1]]) == [first, last]


def test_the_layers_of_the_model_against_counts_by_hand() -> None:
    model = StreamingPesto(load_upstream("mir-1k_g7", STREAM), STREAM, Implementations("grouped"))
    macs: dict[str, int] = {}
    frontend_bytes = 0
    for layer in layers_in(traced(model, model.example(1)), model.example(1)):
        macs[layer_group(layer.name)] = macs.get(layer_group(layer.name), 0) + layer.macs
        frontend_bytes += layer.bytes if layer.name.startswith("frontend") else 0
    channels, taps, bins = 40, 39, 219
    assert macs["encoder.first"] == channels * taps * bins
    assert macs["encoder.prefilter.0"] == macs["encoder.prefilter.1"] == channels * channels * taps * bins
    assert macs["encoder.norm"] == 2 * bins  # two means
    assert macs["encoder.toeplitz"] == 657 * 384  # as a Linear
    assert macs["total"] == 251
    assert frontend_bytes == 4 * sum(count for name, count in macs.items() if name.startswith("frontend"))
