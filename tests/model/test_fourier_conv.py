"""The wide convolutions frequency by frequency: equal to the convolution, whatever its size."""

import numpy as np
import pytest
import torch
from torch import nn

from workbench.model.fourier_conv import STEP_BINS, FourierConv, Tiling


def made(conv: nn.Conv2d, x: torch.Tensor, band: float = 1.0) -> torch.Tensor:
    """x: (frames, channels, 1, bins) through the Fourier form and its layout -> (frames, channels, 1, bins)."""
    tiling = Tiling(x.shape[-1])
    rows = x[:, :, 0].transpose(1, 2)
    junk = torch.full((len(x), tiling.padded_bins - tiling.bins, conv.in_channels), 9.0)  # is no bin, must not be heard
    tiles = tiling.to_tiles(torch.cat((rows, junk), 1))
    assert tiles.shape == (STEP_BINS, tiling.tiles, len(x) * conv.in_channels)
    return tiling.from_tiles(FourierConv(conv, tiling, band)(tiles), conv.out_channels)[:, :, None]


@pytest.mark.parametrize(
    ("channels", "taps", "bins"), [(40, 39, 219), (40, 39, 220), (24, 5, 7), (16, 3, 1), (3, 47, 50), (1, 1, 21)]
)
@pytest.mark.parametrize("bias", [True, False])
def test_it_is_the_convolution(channels: int, taps: int, bins: int, bias: bool) -> None:
    torch.manual_seed(channels)
    conv = nn.Conv2d(channels, channels, (1, taps), padding=(0, taps // 2), bias=bias)
    x = torch.randn(3, channels, 1, bins)
    torch.testing.assert_close(made(conv, x), conv(x), rtol=1e-4, atol=1e-5)


def test_a_frame_does_not_hear_the_others() -> None:
    conv = nn.Conv2d(4, 4, (1, 9), padding=(0, 4))
    x = torch.randn(5, 4, 1, 60)
    torch.testing.assert_close(made(conv, x)[2:3], made(conv, x[2:3]), rtol=1e-5, atol=1e-6)


def test_a_band_keeps_what_is_smooth_over_bins_and_loses_what_alternates() -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(2, 2, (1, 21), padding=(0, 10), bias=False)
    bins = torch.arange(200.0)
    inner = slice(30, 170)  # away from the ends, where a cut-off wave is anything but smooth

    def error(period_bins: float) -> float:
        wave = torch.sin(2 * np.pi * bins / period_bins).repeat(1, 2, 1, 1)
        exact = conv(wave)[..., inner]
        return float((made(conv, wave, 0.5)[..., inner] - exact).norm() / exact.norm())

    assert error(25.0) < 0.1
    assert error(2.5) > 0.7


def test_a_band_is_paid_by_frequency() -> None:
    conv, tiling = nn.Conv2d(40, 40, (1, 39), padding=(0, 19)), Tiling(219)
    whole, half = (FourierConv(conv, tiling, band) for band in (1.0, 0.5))
    assert (len(whole.frequency), len(half.frequency)) == (29, 15)
    assert [linear.weight.shape for linear in half.frequency] == [(80, 80)] * 15
