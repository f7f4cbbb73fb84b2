"""One small part through PT2E: schemes, int8 operators and layer errors follow the rules."""

import pytest
import torch
from torch import Tensor, nn

from workbench.quantize.annotate import ConvertedPart, quantize_part
from workbench.quantize.layer_error import correct_biases, layer_snr
from workbench.quantize.layers import graph_schemes, int8_operators
from workbench.recipe import Quantization


class Small(nn.Module):
    """A residual convolution with leaky ReLU, and a Linear: (rows, 2, 1, 8) -> (rows, 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Sequential(nn.Conv2d(2, 2, (1, 3), padding=(0, 1)), nn.LeakyReLU(0.3))
        self.linear = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear((self.wide(x) + x).flatten(1))


@pytest.fixture(scope="module")
def part() -> nn.Module:
    torch.manual_seed(0)
    return Small().eval()


@pytest.fixture(scope="module")
def inputs() -> tuple[Tensor]:
    return (torch.randn(300, 2, 1, 8, generator=torch.Generator().manual_seed(1)),)


def quantize(part: nn.Module, inputs: tuple[Tensor], rules: Quantization) -> ConvertedPart:
    rows: list[int] = []
    converted = quantize_part(part, "part", rules, inputs, rows.append)
    assert sum(rows) == len(inputs[0])
    return converted


@pytest.mark.parametrize(
    ("rules", "schemes", "operators"),
    [
        (
            Quantization(parts={"part": "int8-static"}, residual_add="int8"),
            {"part.wide.0": "static", "part.linear": "static"},
            {"convolution": 1, "linear": 1, "leaky_relu": 1, "add": 1},
        ),
        (
            Quantization(parts={"part.wide": "int8-static-per-tensor"}, leaky_relu="float"),
            {"part.wide.0": "static-per-tensor", "part.linear": "none"},
            {"convolution": 1},
        ),
        (
            Quantization(parts={"part": "int8-dynamic", "part.wide": "none"}),
            {"part.wide.0": "none", "part.linear": "dynamic"},
            {"linear": 1},
        ),
    ],
    ids=["static with add", "static per tensor", "dynamic"],
)
def test_quantize_part_follows_the_rules(
    rules: Quantization, schemes: dict[str, str], operators: dict[str, int], part: nn.Module, inputs: tuple[Tensor]
) -> None:
    before = [parameter.clone() for parameter in part.parameters()]
    converted = quantize(part, inputs, rules)
    assert graph_schemes(converted.module.graph, "part") == schemes
    int8 = int8_operators(converted.module, "part")
    assert int8.counts == operators
    sizes = {"part.wide.0": 12, "part.linear": 64}
    assert int8.weight_bytes == sum(size for layer, size in sizes.items() if schemes[layer] != "none")
    assert all(map(torch.equal, part.parameters(), before))
    activations = {found.layer for found in converted.ranges if found.tensor != "weight"}
    assert bool(activations) == any(scheme.startswith("static") for scheme in schemes.values())


def test_layer_errors_are_isolated_and_cumulative(part: nn.Module, inputs: tuple[Tensor]) -> None:
    converted = quantize(part, inputs, Quantization(parts={"part.wide": "int8-static"}))
    wide, linear = layer_snr(part, converted.module, "part", (inputs[0][:20],))
    assert (wide.layer, wide.scheme, linear.layer, linear.scheme) == ("part.wide.0", "static", "part.linear", "none")
    assert wide.through_db == wide.alone_db and 20 < wide.through_db < 60
    assert linear.through_db is not None and 20 < linear.through_db < 70  # it passes on the error of `wide`


def test_bias_correction_leaves_no_mean_error(part: nn.Module, inputs: tuple[Tensor]) -> None:
    """A second correction finds nothing to correct."""
    module = quantize(part, inputs, Quantization(parts={"part": "int8-static"})).module
    shifts = []
    for _ in range(2):
        before = {name: bias.clone() for name, bias in module.named_parameters() if bias.ndim == 1}
        assert correct_biases(part, module, "part", inputs) == len(before) == 2
        shifts.append([float((module.get_parameter(name) - bias).abs().max()) for name, bias in before.items()])
    assert max(shifts[0]) > 1e-4 and max(shifts[1]) < 1e-6
