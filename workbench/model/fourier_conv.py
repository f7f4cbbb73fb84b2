"""A convolution over bins, frequency by frequency: a third of the multiply-adds, a Linear for each frequency.

Bins are cut into tiles of STEP_BINS. What a tile hears (`window_bins`, a tile and the taps around it) is taken apart
into frequencies by one constant matrix, each frequency goes through one Linear over the channels, and another constant
matrix puts the tile together: the circular convolution theorem, on windows as long as its wrapped ends need (overlap-
save; Oppenheim and Schafer, "Discrete-Time Signal Processing", 8.7.3). All of it is matrix products, which XNNPACK runs
two to three times faster than its float convolutions, and each Linear can be quantized.

Tensors are (STEP_BINS, tiles, frames * channels): bins run through a tile first, so that a window is rows of the tiles
beside it, and both constant matrices meet frames and channels as plain columns.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Larger tiles take fewer multiply-adds and more frequencies, and so weights. With one thread, 40 channels, 39 taps and
# 219 bins, 10, 16, 20, 22 and 37 bins take 204, 175, 155, 150 and 140 us and 640, 691, 742, 768 and 973 kB of weights
# (fastest of 600 runs on an AMD EPYC with AVX2, executorch 1.4.1); XNNPACK's own convolution takes 900 us and 250 kB.
STEP_BINS = 20


class Tiling:
    """How `bins` lie in tiles: bin b is row b % STEP_BINS of tile b // STEP_BINS; the last rows stand for none."""

    def __init__(self, bins: int) -> None:
        self.bins = bins
        self.tiles = -(-bins // STEP_BINS)
        self.padded_bins = self.tiles * STEP_BINS

    def to_tiles(self, x: Tensor) -> Tensor:
        """(frames, padded bins, channels) -> (STEP_BINS, tiles, frames * channels)."""
        x = x.reshape(-1, self.tiles, STEP_BINS, x.shape[-1]).permute(2, 1, 0, 3)
        return x.reshape(STEP_BINS, self.tiles, -1)

    def from_tiles(self, x: Tensor, channels: int) -> Tensor:
        """(STEP_BINS, tiles, frames * channels) -> (frames, channels, bins)."""
        x = x.reshape(STEP_BINS, self.tiles, -1, channels).permute(2, 3, 1, 0)
        return x.reshape(-1, channels, self.padded_bins)[..., : self.bins]


class FourierConv(nn.Module):
    """An odd convolution, padded to its own size, over (STEP_BINS, tiles, frames * channels), float32.

    `frequency` holds for each of them a bias-free Linear over (tiles * frames, 2 * channels): real parts, then
    imaginary ones. The first stands for both real frequencies, the constant and the fastest alternation, which shares
    its place. With `band` below 1 only so large a share of the Linears is kept, the first: an approximation that is
    good where what the layer hears is smooth over bins.
    """

    apart: Tensor
    together: Tensor
    exists: Tensor

    def __init__(self, conv: nn.Conv2d, tiling: Tiling, band: float) -> None:
        super().__init__()
        self.tiling, self.channels = tiling, conv.out_channels
        self.margin = conv.kernel_size[1] // 2
        window_bins = STEP_BINS + 2 * self.margin  # even, as STEP_BINS is
        kept = max(1, math.ceil(band * window_bins / 2))
        apart = _real_dft_matrix(window_bins)
        together = _inverse(apart)[:STEP_BINS]
        self.register_buffer("apart", apart[None, : 2 * kept].float())
        self.register_buffer("together", together[None, :, : 2 * kept].float())
        self.register_buffer("exists", _exists(tiling))
        self.bias = nn.Parameter(torch.zeros(self.channels) if conv.bias is None else conv.bias.detach().clone())
        self.frequency = nn.ModuleList(map(_linear, _responses(conv.weight.detach()[:, :, 0], window_bins)[:kept]))

    def forward(self, x: Tensor) -> Tensor:
        spectrum = torch.bmm(self.apart, self._windows(x))
        kept = len(self.frequency)
        spectrum = spectrum.reshape(kept, 2, -1, self.channels).permute(0, 2, 1, 3).reshape(kept, -1, 2 * self.channels)
        spectrum = torch.cat([linear(spectrum[at : at + 1]) for at, linear in enumerate(self.frequency)])
        spectrum = spectrum.reshape(kept, -1, 2, self.channels).permute(0, 2, 1, 3).reshape(1, 2 * kept, -1)
        made = torch.bmm(self.together, spectrum).reshape(-1, self.channels) + self.bias
        return made.reshape(STEP_BINS, self.tiling.tiles, -1)

    def _windows(self, x: Tensor) -> Tensor:
        """(1, window bins, tiles * frames * channels): from `margin` bins before each tile to as many behind it."""
        reach = -(-self.margin // STEP_BINS)
        tiles = F.pad(x * self.exists, (0, 0, reach, reach))
        rows = []
        for away in range(-reach, reach + 1):
            first = max(0, -self.margin - away * STEP_BINS)
            last = min(STEP_BINS, STEP_BINS + self.margin - away * STEP_BINS)
            rows.append(tiles[first:last, reach + away : reach + away + self.tiling.tiles])
        return torch.cat(rows).reshape(1, STEP_BINS + 2 * self.margin, -1)


def _real_dft_matrix(n: int) -> Tensor:
    """(n, n) float64: real and imaginary part of each frequency of n samples, in turn; that of n / 2 has the imaginary
    part of the constant's place."""
    turns = 2 * math.pi * (torch.outer(torch.arange(n // 2 + 1), torch.arange(n)) % n).double() / n
    parts = torch.stack((turns.cos(), -turns.sin()), 1)[:-1]
    parts[0, 1] = turns[-1].cos()
    return parts.reshape(n, n)


def _inverse(parts: Tensor) -> Tensor:
    """What puts samples together from `_parts`: each but the two real frequencies stands for its mirror image too.

    In closed form, as what is left of rounding in a solver differs from run to run, and so would a program's bytes.
    """
    n = len(parts)
    weight = torch.full((n,), 2 / n, dtype=parts.dtype)
    weight[:2] = 1 / n
    return (parts * weight[:, None]).T


def _responses(taps: Tensor, n: int) -> Tensor:
    """Taps (out, in, taps) -> (n / 2, 2 * out, 2 * in) float64: what a frequency's parts make of each other."""
    response = torch.fft.rfft(taps.double(), n).conj().permute(2, 0, 1)  # a layer correlates
    real, imaginary = response.real, response.imag
    matrices = torch.cat((torch.cat((real, -imaginary), 2), torch.cat((imaginary, real), 2)), 1)[:-1].clone()
    matrices[0] = 0
    matrices[0, : len(real[0]), : real.shape[2]], matrices[0, len(real[0]) :, real.shape[2] :] = real[0], real[-1]
    return matrices


def _exists(tiling: Tiling) -> Tensor:
    """(STEP_BINS, tiles, 1): 1 where there is a bin, 0 in the rows that fill the last tile."""
    exists = (torch.arange(tiling.padded_bins) < tiling.bins).float()
    return exists.reshape(tiling.tiles, STEP_BINS).T.unsqueeze(-1).contiguous()


def _linear(matrix: Tensor) -> nn.Linear:
    linear = nn.Linear(matrix.shape[1], matrix.shape[0], bias=False)
    linear.weight = nn.Parameter(matrix.float().contiguous())
    return linear
