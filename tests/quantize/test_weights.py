"""Weights as integers: the arithmetic against numpy in float64, and what the quantized part and its record say."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from workbench.errors import LoweringError
from workbench.export.executorch import lower_module
from workbench.quantize.layers import graph_schemes, integer_operators
from workbench.quantize.pt2e.annotate import quantize_part
from workbench.quantize.pt2e.layer_error import layer_snr
from workbench.quantize.weights import Level, split_weights, store_weights
from workbench.recipe import Quantization
from workbench.recipe.options import WEIGHT_SCHEMES, Scheme
from workbench.runtime.executorch import load_lowered_module
from workbench.runtime.isolation import IsolatedProcess

ROWS, COLUMNS = 24, 37


class Part(nn.Module):
    """Two Linears with a bias, and a convolution: (rows, 37) -> (rows, 10)."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.wide, self.small = nn.Linear(COLUMNS, ROWS), nn.Linear(8, 10)
        self.conv = nn.Conv1d(1, 1, 3, stride=3)
        with torch.no_grad():
            self.wide.weight *= torch.logspace(-3, 3, ROWS)[:, None]
            self.wide.weight[5] = 0

    def forward(self, x: Tensor) -> Tensor:
        return self.small(self.conv(self.wide(x).unsqueeze(1)).squeeze(1))


PART = Part().eval().requires_grad_(False)
INPUTS = (torch.randn(40, COLUMNS, generator=torch.Generator().manual_seed(1)),)


def dequantized(weight: Tensor, levels: list[Level]) -> np.ndarray:
    """The weights that integers of these levels stand for, by their scales; independent of the code."""
    exact, found = weight.double().numpy(), np.zeros(weight.shape)
    for level in levels:
        remainder, scale = exact - found, level.scales.numpy()[:, None]
        if level.bits == 8:
            largest = np.abs(remainder).max(1, keepdims=True)
            np.testing.assert_allclose(scale, np.where(largest, largest / 127, 1), rtol=1e-6)
        found = found + np.clip(np.round(remainder / scale), *((-127, 127) if level.bits == 8 else (-8, 7))) * scale
    return found


def test_four_bits_have_the_scale_of_the_least_squared_error() -> None:
    weight = PART.wide.weight.double().numpy()
    steps = np.abs(weight).max(1, keepdims=True) / 7 * np.linspace(0.3, 1.2, 400)[:, None, None] + 1e-30
    least = np.square((weight / steps).round().clip(-8, 7) * steps - weight).sum(-1).min(0)
    ((level,),) = split_weights([PART.wide.weight], "int4-weights")
    assert (np.square(level.values.numpy() - weight).sum(-1) <= 1.03 * least).all()


def test_frequencies_of_a_prefilter_share_their_scales() -> None:
    part = nn.Module()
    part.frequency = nn.ModuleList(nn.Linear(6, 4, bias=False) for _ in range(3)).requires_grad_(False)
    expected = torch.stack([linear.weight for linear in part.frequency]).abs().amax((0, 2)) / 127
    store_weights(part, "part", Quantization(parts={"part": "int8-weights"}))
    for linear in part.frequency:
        torch.testing.assert_close(linear.scales_0, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("scheme", "bits", "stored"),
    [
        ("int8-weights", [8], ROWS * (COLUMNS + 4)),
        ("int4-weights", [4], ROWS * (19 + 4)),  # a row of 37 fills 19 bytes
        ("int16-weights", [8, 8], ROWS * 2 * (COLUMNS + 4)),
        ("int12-weights", [8, 4], ROWS * (COLUMNS + 4 + 19 + 4)),
    ],
)
def test_product_and_record_are_those_of_the_integers(scheme: Scheme, bits: list[int], stored: int) -> None:
    rules = Quantization(parts={"part.wide": scheme})
    converted = quantize_part(PART, "part", rules, (torch.zeros(1, COLUMNS),), lambda _: None)
    (levels,) = split_weights([PART.wide.weight], scheme)
    assert [level.bits for level in levels] == bits
    expected = dequantized(PART.wide.weight, levels)
    assert np.array_equal(sum(level.values for level in levels).numpy(), expected)
    copy = Part().requires_grad_(False)
    copy.wide.weight.copy_(torch.tensor(expected))
    torch.testing.assert_close(converted.module(*INPUTS), copy(*INPUTS), rtol=1e-5, atol=1e-4)

    (record,) = converted.weights
    assert (record.layer, record.scheme, record.bytes, record.float_bytes) == ("part.wide", scheme, stored, 3552)
    weights = PART.wide.weight.double().numpy()
    assert record.error_relative == pytest.approx(np.linalg.norm(expected - weights) / np.linalg.norm(weights))
    assert graph_schemes(converted.module.graph, "part") == {
        "part.wide": scheme,
        "part.conv": "none",
        "part.small": "none",
    }
    counts, weight_bytes = integer_operators(converted.module, "part")
    assert counts == {f"linear_int{count}_weights": bits.count(count) for count in bits}
    assert weight_bytes.total() == stored - 4 * ROWS * len(bits)
    wide, conv, _ = layer_snr(PART, converted.module, "part", INPUTS)
    assert (wide.scheme, conv.scheme) == (scheme, "none")
    assert wide.alone_db == pytest.approx(wide.through_db) and wide.alone_db > 6 * sum(bits) - 12
    assert conv.null_reasons == {"alone_db": "equal to float"}


def test_small_layer_gains_nothing_with_two_levels() -> None:
    part = Part()
    rules = Quantization(parts={"part.wide": "int16-weights", "part.small": "int16-weights"})
    wide, small = store_weights(part, "part", rules)
    assert wide.saved_bytes > 0 > small.saved_bytes


@pytest.mark.parametrize("scheme", WEIGHT_SCHEMES)
def test_convolution_is_refused(scheme: Scheme) -> None:
    with pytest.raises(LoweringError, match=f"part.conv in {scheme}: is a convolution, only Linears can"):
        store_weights(Part(), "part", Quantization(parts={"part": scheme}))


@pytest.mark.parametrize("other", ["int8-static", "int8-dynamic"])
def test_other_schemes_do_not_change_integer_weights(other: Scheme) -> None:
    rules = Quantization(parts={"part.wide": "int12-weights", "part.small": other})
    converted = quantize_part(PART, "part", rules, INPUTS, lambda _: None)
    schemes = graph_schemes(converted.module.graph, "part")
    assert schemes == {"part.wide": "int12-weights", "part.conv": "none", "part.small": other.removeprefix("int8-")}
    assert [found.layer for found in converted.weights] == ["part.wide"]
    counts = integer_operators(converted.module, "part").counts
    assert counts == {"linear_int8_weights": 1, "linear_int4_weights": 1, "linear": 1}
    assert {found.layer for found in converted.ranges} <= {"part.small", "part.conv", "part"}


@pytest.mark.slow
def test_lowered_products_equal_the_simulated_ones(tmp_path: Path) -> None:
    """One Linear of each scheme, one after the other; none has a width that is a multiple of 8."""
    torch.manual_seed(0)
    widths = (37, 25, 62, 63, 21)
    part = nn.Sequential(*(nn.Linear(*sizes) for sizes in pairwise(widths))).requires_grad_(False)
    rules = Quantization(parts={f"part.{index}": scheme for index, scheme in enumerate(WEIGHT_SCHEMES)})
    converted = quantize_part(part, "part", rules, INPUTS, lambda _: None)
    lowered, in_float = (lower_module(module, INPUTS, "xnnpack") for module in (converted.module, part))
    program = tmp_path / "part.pte"
    program.write_bytes(lowered)
    with IsolatedProcess() as child:
        (output,) = child.call(run_module, program, INPUTS)
    simulated = converted.module(*INPUTS)
    assert (output - simulated).abs().max() <= 1e-4 * simulated.abs().max()
    saved_bytes = sum(found.saved_bytes for found in converted.weights)
    assert len(in_float) - len(lowered) == pytest.approx(saved_bytes, abs=150 * len(widths))


def run_module(program: Path, inputs: tuple[Tensor, ...]) -> list[Tensor]:
    return [output.clone() for output in load_lowered_module(program).forward(list(inputs))]
