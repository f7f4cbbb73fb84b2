"""The simulation of one small part, against the part that PT2E converts."""

import pytest
import torch
from torch import nn

from tests.quantize.pt2e.test_annotate import INPUTS, PART, quantize
from workbench.quantize.simulate import simulate_part, stored_bytes
from workbench.recipe import Quantization
from workbench.recipe.options import Scheme


@pytest.mark.parametrize(
    "parts",
    [
        {"part.linear": "int8-static"},
        {"part.wide": "int8-static-per-tensor"},
        {"part.wide": "int8-static", "part.linear": "int8-dynamic"},
        {"part.wide": "int8-dynamic", "part.linear": "int4-weights"},
        {"part.linear": "int12-weights"},
    ],
)
def test_simulation_equals_the_converted_part(parts: dict[str, Scheme]) -> None:
    before = [parameter.clone() for parameter in PART.parameters()]
    rows = INPUTS[0][:20]
    found = simulate_part(PART, "part", Quantization(parts=parts), INPUTS)(rows)
    converted = quantize(parts, leaky_relu="float").module
    expected = torch.cat([converted(row) for row in torch.split(rows, 1)])  # one range for all rows of a call
    assert (found - expected).norm() < 1e-3 * (expected - PART(rows)).norm()
    assert all(map(torch.equal, PART.parameters(), before))


@pytest.mark.parametrize(
    ("scheme", "expected"),
    [("none", 4 * 64), ("int8-dynamic", 64 + 16), ("int8-static-per-tensor", 64 + 4), ("int12-weights", 64 + 32 + 32)],
)
def test_stored_bytes(scheme: Scheme, expected: int) -> None:
    assert stored_bytes(nn.Linear(16, 4).weight, scheme) == expected
