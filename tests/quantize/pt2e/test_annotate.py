"""One small part through PT2E: schemes, int8 operators, ranges and layer errors follow the rules."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from workbench.quantize.layers import graph_schemes, integer_operators
from workbench.quantize.pt2e.annotate import ConvertedPart, quantize_part
from workbench.quantize.pt2e.layer_error import correct_biases, layer_snr
from workbench.recipe import Quantization
from workbench.recipe.options import Scheme


class Small(nn.Module):
    """A residual convolution with leaky ReLU, and a Linear: (rows, 2, 1, 8) -> (rows, 4)."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.wide = nn.Sequential(nn.Conv2d(2, 2, (1, 3), padding=(0, 1)), nn.LeakyReLU(0.3))
        self.linear = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear((self.wide(x) + x).flatten(1))


PART = Small().eval()
INPUTS = (torch.randn(300, 2, 1, 8, generator=torch.Generator().manual_seed(1)),)


def quantize(parts: dict[str, Scheme], inputs: tuple[Tensor] = INPUTS, **rules: Any) -> ConvertedPart:
    rows: list[int] = []
    converted = quantize_part(PART, "part", Quantization(parts=parts, **rules), inputs, rows.append)
    assert sum(rows) == len(inputs[0])
    return converted


@pytest.mark.parametrize(
    ("parts", "rules", "schemes", "operators"),
    [
        ({"": "int8-static"}, {"residual_add": "int8"}, "static static", "convolution linear leaky_relu add"),
        ({".wide": "int8-static-per-tensor"}, {"leaky_relu": "float"}, "static-per-tensor none", "convolution"),
        ({".linear": "int8-static"}, {"correct_bias": True}, "none static", "linear"),
        ({"": "int8-dynamic", ".wide": "none"}, {}, "none dynamic", "linear"),
    ],
)
def test_quantize_part_follows_the_rules(
    parts: dict[str, Scheme], rules: dict[str, Any], schemes: str, operators: str
) -> None:
    before = [parameter.clone() for parameter in PART.parameters()]
    converted = quantize({f"part{name}": scheme for name, scheme in parts.items()}, observer="percentile", **rules)
    assert all(map(torch.equal, PART.parameters(), before))
    wide, linear = schemes.split()
    assert graph_schemes(converted.module.graph, "part") == {"part.wide.0": wide, "part.linear": linear}
    integers = integer_operators(converted.module, "part")
    assert integers.counts == dict.fromkeys(operators.split(), 1)
    assert integers.weight_bytes.total() == 12 * (wide != "none") + 64 * (linear != "none")
    assert converted.corrected_biases == int("correct_bias" in rules)
    activations = [found for found in converted.ranges if found.tensor != "weight"]
    assert bool(activations) == ("static" in schemes)
    for found in activations:  # 256 steps of the scale span the range
        assert found.observed_low <= found.low < found.high <= found.observed_high
        assert found.scale * 255 == pytest.approx(max(found.high, 0) - min(found.low, 0), rel=1e-3)


@pytest.mark.parametrize("scheme", ["int8-static", "int8-dynamic"])
def test_one_calibration_row_is_enough(scheme: Scheme) -> None:
    row = (INPUTS[0][:1],)
    torch.testing.assert_close(quantize({"part.linear": scheme}, row).module(*row), PART(*row), rtol=0, atol=0.05)


def test_layer_errors_are_isolated_and_cumulative() -> None:
    rows = (INPUTS[0][:20],)
    wide, linear = layer_snr(PART, quantize({"part.wide": "int8-static"}).module, "part", rows)
    assert (wide.layer, wide.scheme, linear.layer, linear.scheme) == ("part.wide.0", "static", "part.linear", "none")
    assert wide.through_db == wide.alone_db and 20 < wide.through_db < 60
    assert linear.through_db is not None and 20 < linear.through_db < 70  # it passes on the error of `wide`
    exact, _ = layer_snr(PART, quantize({"part.linear": "int8-static"}).module, "part", rows)
    assert exact.null_reasons == dict.fromkeys(("through_db", "alone_db"), "equal to float")


def test_bias_correction_leaves_no_mean_error() -> None:
    """A second correction finds nothing to correct."""
    module = quantize({"part": "int8-static"}).module
    shifts = []
    for _ in range(2):
        before = {name: bias.clone() for name, bias in module.named_parameters() if bias.ndim == 1}
        assert correct_biases(PART, module, "part", INPUTS) == len(before) == 2
        shifts.append([float((module.get_parameter(name) - bias).abs().max()) for name, bias in before.items()])
    assert max(shifts[0]) > 1e-4 and max(shifts[1]) < 1e-6
