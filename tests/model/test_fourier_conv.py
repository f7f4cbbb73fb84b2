"""Convolutions in the frequency domain equal the convolution, for any size."""

import numpy as np
import pytest
import torch
from torch import nn

from workbench.model.fourier_conv import STEP_BINS, FourierConv, Tiling
from workbench.model.fourier_grouped import GroupedFourierConv
from workbench.model.fourier_shifted import HalvedFourierConv, ShiftedFourierConv, tiling_with_empty_tiles

Variant = type[FourierConv] | type[ShiftedFourierConv]
VARIANTS: tuple[Variant, ...] = (FourierConv, ShiftedFourierConv, HalvedFourierConv, GroupedFourierConv)


def tiling_for(variant: Variant, bins: int, taps: int) -> Tiling:
    return Tiling(bins) if variant is FourierConv else tiling_with_empty_tiles(bins, taps)


def fourier(conv: nn.Conv2d, x: torch.Tensor, variant: Variant = FourierConv, band: float = 1.0) -> torch.Tensor:
    """Runs x (frames, channels, 1, bins) through a variant, in its layout of tiles. Returns the shape of `conv`."""
    tiling = tiling_for(variant, x.shape[-1], conv.kernel_size[1])
    rows = x[:, :, 0].transpose(1, 2)
    junk = torch.full((len(x), tiling.padded_bins - tiling.bins, conv.in_channels), 9.0)  # padding must be ignored
    tiles = tiling.to_tiles(torch.cat((rows, junk), 1))
    assert tiles.shape == (STEP_BINS, tiling.tiles, len(x) * conv.in_channels)
    return tiling.from_tiles(variant(conv, tiling, band)(tiles), conv.out_channels)[:, :, None]


@pytest.mark.parametrize(
    ("channels", "taps", "bins"), [(40, 39, 219), (24, 5, 7), (16, 3, 1), (3, 47, 50), (2, 41, 220), (1, 1, 21)]
)
@pytest.mark.parametrize(("variant", "bias"), [(FourierConv, False), *((variant, True) for variant in VARIANTS)])
def test_fourier_conv_equals_convolution(channels: int, taps: int, bins: int, variant: Variant, bias: bool) -> None:
    torch.manual_seed(channels)
    conv = nn.Conv2d(channels, channels, (1, taps), padding=(0, taps // 2), bias=bias)
    x = torch.randn(3, channels, 1, bins)
    together = fourier(conv, x, variant)
    torch.testing.assert_close(together, conv(x), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(together[2:], fourier(conv, x[2:], variant), rtol=1e-5, atol=1e-5)  # frames do not mix


@pytest.mark.parametrize("variant", VARIANTS[1:])
def test_band_and_weights_of_each_variant(variant: Variant) -> None:
    torch.manual_seed(1)
    conv, x = nn.Conv2d(40, 40, (1, 39), padding=(0, 19)), torch.randn(2, 40, 1, 219)
    torch.testing.assert_close(fourier(conv, x, variant, 0.48), fourier(conv, x, band=0.48), rtol=1e-4, atol=1e-5)
    layer = variant(conv, tiling_with_empty_tiles(219, 39), 0.48)
    matrices, biases = 14 * (2 if variant is HalvedFourierConv else 4), 14 if variant is GroupedFourierConv else 1
    assert sum(weight.numel() for weight in layer.parameters()) == matrices * 40 * 40 + biases * 80


def test_band_keeps_smooth_and_loses_alternating_inputs() -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(2, 2, (1, 21), padding=(0, 10), bias=False)
    bins = torch.arange(200.0)
    inner = slice(30, 170)  # away from the ends, where a truncated wave is not smooth

    def error(period_bins: float) -> float:
        wave = torch.sin(2 * np.pi * bins / period_bins).repeat(1, 2, 1, 1)
        exact = conv(wave)[..., inner]
        return float((fourier(conv, wave, band=0.5)[..., inner] - exact).norm() / exact.norm())

    assert error(25.0) < 0.1
    assert error(2.5) > 0.7


def test_band_is_a_share_of_the_frequencies() -> None:
    conv, tiling = nn.Conv2d(40, 40, (1, 39), padding=(0, 19)), Tiling(219)
    whole, half = (FourierConv(conv, tiling, band) for band in (1.0, 0.5))
    assert (len(whole.frequency), len(half.frequency)) == (29, 15)
    assert {linear.weight.shape for linear in half.frequency} == {(80, 80)}
