"""The three implementations of the last layer against upstream's own, with its shift after the softmax."""

import pytest
import torch

from workbench.model.toeplitz import build_toeplitz
from workbench.model.upstream import load_upstream
from workbench.recipe.options import Toeplitz
from workbench.recipe.stream_config import StreamConfig


@pytest.mark.parametrize(
    ("implementation", "block_bins", "weights"),
    [
        ("linear", 16, 657 * 384),
        ("conv", 16, 1040),
        ("block", 16, 16_896),
        ("block", 8, 8_384),
        ("block", 4, 4_176),
        ("block", 32, 34_816),
    ],
)
@pytest.mark.parametrize("shift_bins", [0, 20])
def test_every_implementation_equals_upstream(
    implementation: Toeplitz, block_bins: int, weights: int, shift_bins: int, stream: StreamConfig
) -> None:
    upstream = load_upstream("mir-1k_g7", stream).encoder.fc
    layer = build_toeplitz(implementation, upstream, shift_bins, block_bins)
    assert sum(parameter.numel() for parameter in layer.parameters()) == weights
    x = torch.randn(5, 657, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = upstream(x).softmax(-1).roll(-shift_bins, -1)
        got = layer(x).softmax(-1)
    assert got.shape == expected.shape == (5, 384)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-6)
