"""The three forms of the last layer against upstream's own, with its roll after the softmax."""

import pytest
import torch

from workbench.model.toeplitz import build_toeplitz
from workbench.model.upstream import load_upstream
from workbench.recipe.stream_config import StreamConfig


@pytest.mark.parametrize("form", ["linear", "conv", "block"])
@pytest.mark.parametrize("shift_bins", [0, 20])
def test_every_form_is_upstreams_layer(form: str, shift_bins: int) -> None:
    upstream = load_upstream("mir-1k_g7", StreamConfig(16_000, 320, 1, 1.0)).encoder.fc
    x = torch.randn(5, 657, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = upstream(x).softmax(-1).roll(-shift_bins, -1)
        ours = build_toeplitz(form, upstream, shift_bins)(x).softmax(-1)
    assert ours.shape == expected.shape == (5, 384)
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-6)


def test_blocks_hold_far_fewer_weights_than_the_linear() -> None:
    upstream = load_upstream("mir-1k_g7", StreamConfig(16_000, 320, 1, 1.0)).encoder.fc
    weights = {
        form: sum(parameter.numel() for parameter in build_toeplitz(form, upstream, 0).parameters())
        for form in ("linear", "conv", "block")
    }
    assert weights == {"linear": 657 * 384, "conv": 1040, "block": 16_896}
