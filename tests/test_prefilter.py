"""The wide convolutions as one Linear over several bins: equal to the convolution, whatever its size."""

import pytest
import torch
from torch import nn

from workbench.model.prefilter import WideLinear


@pytest.mark.parametrize(
    ("channels", "taps", "bins", "together"),
    [(40, 39, 219, 2), (40, 39, 220, 2), (24, 5, 7, 2), (16, 3, 1, 1), (3, 7, 50, 16)],
)
@pytest.mark.parametrize("bias", [True, False])
def test_it_is_the_convolution(channels: int, taps: int, bins: int, together: int, bias: bool) -> None:
    torch.manual_seed(channels)
    conv = nn.Conv2d(channels, channels, (1, taps), padding=(0, taps // 2), bias=bias)
    wide = WideLinear(conv)
    x = torch.randn(3, channels, 1, bins)
    assert wide.together == together
    torch.testing.assert_close(wide(x), conv(x), rtol=1e-4, atol=1e-5)


def test_its_width_is_one_that_xnnpack_computes_at_full_speed() -> None:
    for channels in (1, 8, 40, 48, 100):
        assert WideLinear(nn.Conv2d(channels, channels, (1, 3), padding=(0, 1))).linear.out_features % 16 == 0
