"""The convolution of `fourier_conv.py` with fewer operators, and optionally with half of its weights.

The layout has empty tiles after the last bin. So the tile before and the tile after a tile are the same memory, shifted
by one tile, even at the ends of a row: a window is made of few contiguous pieces, without padding. The bias is part of
frequency 0, whose Linear is the only one that has one.

- `ShiftedFourierConv` has the weights of `FourierConv`.
- `HalvedFourierConv` has half of them. The matrix of a frequency is [[Re, -Im], [Im, Re]], which has every number
  twice. Here Re and Im multiply the real and the imaginary parts of the spectrum as separate rows. The matrix that
  transforms back combines the four products of a frequency, so it has four columns for each frequency instead of two.

All of this is exact.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.model.fourier_conv import (
    STEP_BINS,
    Tiling,
    frequency_responses,
    inverse_dft,
    linear_of,
    real_dft_matrix,
    valid_mask,
)
from workbench.model.joining import join


def tiling_with_empty_tiles(bins: int, taps: int) -> Tiling:
    """Returns the layout of the bins for convolutions of that many taps."""
    return Tiling(bins, empty_tiles=_reach(taps // 2))


class ShiftedFourierConv(nn.Module):
    """A convolution with an odd number of taps that keeps the number of bins.

    `frequency` holds one Linear per frequency, over (tiles * frames, 2 * channels): the real parts of all channels,
    then the imaginary parts.

    Shape:
        - Input: (STEP_BINS, tiles, frames * channels), float32
        - Output: (STEP_BINS, tiles, frames * channels); what the empty tiles hold has no meaning

    Args:
        conv: The convolution, with weights (channels, channels, 1, taps).
        tiling: The layout of the bins, of `tiling_with_empty_tiles`.
        band: Share of the frequencies that is kept, starting with the lowest; 0 < band <= 1.
    """

    apart: Tensor  # (1, 2 * kept, window bins): the real DFT that separates the frequencies
    together: Tensor  # (1, STEP_BINS, columns): its inverse, for the bins of a tile
    exists: Tensor  # (rows of all tiles, 1): 1 for bins of the input, 0 for the padding

    def __init__(self, conv: nn.Conv2d, tiling: Tiling, band: float) -> None:
        super().__init__()
        self.tiling, self.channels = tiling, conv.out_channels
        self.margin = conv.kernel_size[1] // 2
        window_bins = STEP_BINS + 2 * self.margin
        self.kept = max(1, math.ceil(band * window_bins / 2))
        analysis = real_dft_matrix(window_bins)
        synthesis = inverse_dft(analysis)[:STEP_BINS, : 2 * self.kept]
        weights = self._weights(frequency_responses(conv.weight.detach()[:, :, 0], window_bins)[: self.kept])
        gains = self._gains(weights)
        self.register_buffer("apart", (analysis[: 2 * self.kept] * gains.repeat_interleave(2)[:, None])[None].float())
        self.register_buffer("together", self._synthesis(synthesis)[None].float().contiguous())
        self.register_buffer("exists", valid_mask(tiling).reshape(-1, 1))
        self.frequency = nn.ModuleList(map(linear_of, weights / gains[:, None, None]))
        if conv.bias is not None:  # a constant of the bins is window_bins times as large in frequency 0
            bias = torch.zeros(2 * self.channels)
            bias[: self.channels] = window_bins * conv.bias.detach()
            self.frequency[0].bias = nn.Parameter(bias)

    def forward(self, x: Tensor) -> Tensor:
        products = self._products(torch.bmm(self.apart, self._windows(x)))
        return torch.bmm(self.together, products).reshape(STEP_BINS, self.tiling.tiles, -1)

    def _synthesis(self, inverse: Tensor) -> Tensor:
        """Returns the matrix that transforms the products back, from the inverse of the DFT (bins, 2 * kept)."""
        return inverse

    def _weights(self, matrices: Tensor) -> Tensor:
        """Returns the weights of each frequency's Linear, from its matrix (kept, 2 * channels, 2 * channels)."""
        return matrices

    def _gains(self, weights: Tensor) -> Tensor:
        """Returns the factor of each frequency before its Linear, whose weights are divided by it, (kept,)."""
        return torch.ones(self.kept, dtype=weights.dtype)

    def _products(self, spectrum: Tensor) -> Tensor:
        """Multiplies each frequency with its weights.

        (1, 2 * kept, tiles * frames * channels) -> (1, columns of `together`, tiles * frames * channels)
        """
        rows = spectrum.reshape(self.kept, 2, -1, self.channels).permute(0, 2, 1, 3)
        rows = rows.reshape(self.kept, -1, 2 * self.channels)
        products = join([linear(rows[index : index + 1]) for index, linear in enumerate(self.frequency)])
        products = products.reshape(self.kept, -1, 2, self.channels).permute(0, 2, 1, 3)
        return products.reshape(1, 2 * self.kept, -1)

    def _windows(self, x: Tensor) -> Tensor:
        """Returns (1, window bins, tiles * frames * channels): each tile with `margin` bins before and after it."""
        reach, tiles = _reach(self.margin), self.tiling.tiles
        rows = x.reshape(STEP_BINS * tiles, -1) * self.exists
        lead = reach if self.margin >= STEP_BINS else 0  # then pieces begin before the first row
        if lead:
            rows = F.pad(rows, (0, 0, lead, lead))
        pieces = []
        for offset in range(-reach, reach + 1):
            first = max(0, -self.margin - offset * STEP_BINS)
            last = min(STEP_BINS, STEP_BINS + self.margin - offset * STEP_BINS)
            pieces.append(rows[lead + first * tiles + offset : lead + last * tiles + offset])
        return torch.cat(pieces).reshape(1, STEP_BINS + 2 * self.margin, -1)


class HalvedFourierConv(ShiftedFourierConv):
    """The same with half of the weights: each Linear is (rows, channels) -> (rows, 2 * channels), Re and Im.

    The weights of all frequencies have the same mean square, so that integer weights can share their scales.
    """

    def _gains(self, weights: Tensor) -> Tensor:
        return weights.square().mean((1, 2)).sqrt()

    def _synthesis(self, inverse: Tensor) -> Tensor:
        """Folds the complex product into the inverse.

        With the weights Re + i Im and the spectrum a + i b of a frequency, the product is Re a - Im b in the real and
        Re b + Im a in the imaginary part. Returns (bins, 4 * kept): the columns of Re a, Im a, Re b and Im b. At index
        0, the two frequencies without an imaginary part are independent: only Re a and Im b have columns.
        """
        both = inverse.reshape(len(inverse), self.kept, 2)
        real, imaginary = both.unbind(-1)
        columns = torch.stack((real, imaginary, imaginary, -real), -1)
        columns[:, 0] = torch.diag_embed(both[:, 0]).flatten(1)
        return columns.flatten(1)

    def _weights(self, matrices: Tensor) -> Tensor:
        """Returns (kept, 2 * channels, channels): Re and Im; at index 0, those of frequency 0 and of the highest."""
        second = torch.cat(
            (matrices[:1, self.channels :, self.channels :], matrices[1:, self.channels :, : self.channels])
        )
        return torch.cat((matrices[:, : self.channels, : self.channels], second), 1)

    def _products(self, spectrum: Tensor) -> Tensor:
        rows = spectrum.reshape(self.kept, 2, -1, self.channels)
        products = join([linear(rows[index : index + 1]) for index, linear in enumerate(self.frequency)])
        products = products.reshape(2 * self.kept, -1, 2, self.channels).permute(0, 2, 1, 3)
        return products.reshape(1, 4 * self.kept, -1)


def _reach(margin: int) -> int:
    """Returns how many tiles on each side a window touches."""
    return math.ceil(margin / STEP_BINS)
