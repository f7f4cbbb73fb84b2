"""A convolution over bins, computed in the frequency domain: a third of the multiply-adds, one Linear per frequency.

The bins are cut into tiles of STEP_BINS. The window of a tile (the tile and the taps around it) is transformed by one
constant matrix, each frequency passes one Linear over the channels, and a second constant matrix transforms back. This
is the circular convolution theorem on windows that are long enough to discard what wraps around (overlap-save;
Oppenheim and Schafer, "Discrete-Time Signal Processing", 8.7.3). All of it is matrix products, which XNNPACK runs two
to three times faster than its float convolutions, and each Linear can be quantized.

Tensors are (STEP_BINS, tiles, frames * channels). The bins of a tile are the first axis, so that a window is made of
rows of the neighbouring tiles, and both constant matrices see frames and channels as plain columns.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Larger tiles need fewer multiply-adds, but have more frequencies and so more weights. With one thread, 40 channels, 39
# taps and 219 bins, tiles of 10, 16, 20, 22 and 37 bins take 204, 175, 155, 150 and 140 us, and 640, 691, 742, 768 and
# 973 kB of weights (fastest of 600 runs on an AMD EPYC with AVX2, executorch 1.4.1). XNNPACK's own convolution takes
# 900 us and 250 kB.
STEP_BINS = 20


class Tiling:
    """The layout of `bins` in tiles: bin b is row b % STEP_BINS of tile b // STEP_BINS.

    The last rows of the last tile can be padding: `padded_bins` is the number of all rows.

    Args:
        bins: Bins of a frame.
        empty_tiles: Tiles of nothing but padding, after the last bin.
    """

    def __init__(self, bins: int, empty_tiles: int = 0) -> None:
        self.bins = bins
        self.tiles = math.ceil(bins / STEP_BINS) + empty_tiles
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
    """A convolution with an odd number of taps that keeps the number of bins.

    `frequency` holds one bias-free Linear per frequency, over (tiles * frames, 2 * channels): the real parts of all
    channels, then the imaginary parts. The first Linear computes the two frequencies without an imaginary part, 0 and
    the highest (half a cycle per bin); the highest is stored as the imaginary part of frequency 0.

    Shape:
        - Input: (STEP_BINS, tiles, frames * channels), float32
        - Output: (STEP_BINS, tiles, frames * channels)

    Args:
        conv: The convolution, with weights (channels, channels, 1, taps).
        tiling: The layout of the bins.
        band: Share of the frequencies that is kept, starting with the lowest; 0 < band <= 1. Less than 1 is an
            approximation, which is good if the input of the layer is smooth over bins.
    """

    # Buffer names are part of an exported program: a new name changes the bytes of every ONNX program.
    apart: Tensor  # (1, 2 * kept, window bins): the real DFT that separates the frequencies
    together: Tensor  # (1, STEP_BINS, 2 * kept): its inverse, for the bins of a tile
    exists: Tensor  # 1 for bins of the input, 0 for the padding

    def __init__(self, conv: nn.Conv2d, tiling: Tiling, band: float) -> None:
        super().__init__()
        self.tiling, self.channels = tiling, conv.out_channels
        self.margin = conv.kernel_size[1] // 2
        window_bins = STEP_BINS + 2 * self.margin  # even, as STEP_BINS is
        kept = max(1, math.ceil(band * window_bins / 2))
        analysis = real_dft_matrix(window_bins)
        synthesis = inverse_dft(analysis)[:STEP_BINS]
        self.register_buffer("apart", analysis[None, : 2 * kept].float())
        self.register_buffer("together", synthesis[None, :, : 2 * kept].float())
        self.register_buffer("exists", valid_mask(tiling))
        self.bias = nn.Parameter(torch.zeros(self.channels) if conv.bias is None else conv.bias.detach().clone())
        responses = frequency_responses(conv.weight.detach()[:, :, 0], window_bins)[:kept]
        self.frequency = nn.ModuleList(map(linear_of, responses))

    def forward(self, x: Tensor) -> Tensor:
        spectrum = torch.bmm(self.apart, self._windows(x))
        kept = len(self.frequency)
        spectrum = spectrum.reshape(kept, 2, -1, self.channels).permute(0, 2, 1, 3).reshape(kept, -1, 2 * self.channels)
        rows = [linear(spectrum[index : index + 1]) for index, linear in enumerate(self.frequency)]
        spectrum = torch.cat(rows).reshape(kept, -1, 2, self.channels).permute(0, 2, 1, 3).reshape(1, 2 * kept, -1)
        output = torch.bmm(self.together, spectrum).reshape(-1, self.channels) + self.bias
        return output.reshape(STEP_BINS, self.tiling.tiles, -1)

    def _windows(self, x: Tensor) -> Tensor:
        """Returns (1, window bins, tiles * frames * channels): each tile with `margin` bins before and after it."""
        reach = math.ceil(self.margin / STEP_BINS)  # tiles on each side that a window touches
        tiles = F.pad(x * self.exists, (0, 0, reach, reach))
        rows = []
        for offset in range(-reach, reach + 1):
            first = max(0, -self.margin - offset * STEP_BINS)
            last = min(STEP_BINS, STEP_BINS + self.margin - offset * STEP_BINS)
            rows.append(tiles[first:last, reach + offset : reach + offset + self.tiling.tiles])
        return torch.cat(rows).reshape(1, STEP_BINS + 2 * self.margin, -1)


def real_dft_matrix(n: int) -> Tensor:
    """Returns (n, n) float64: the real and the imaginary part of each frequency of n samples, in turn.

    Row 1 would be the imaginary part of frequency 0, which is zero; it holds the real part of frequency n / 2.
    """
    angles = 2 * math.pi * (torch.outer(torch.arange(n // 2 + 1), torch.arange(n)) % n).double() / n
    parts = torch.stack((angles.cos(), -angles.sin()), 1)[:-1]
    parts[0, 1] = angles[-1].cos()
    return parts.reshape(n, n)


def inverse_dft(dft: Tensor) -> Tensor:
    """Returns the inverse of `real_dft_matrix`.

    All frequencies but the two real ones count twice, because their conjugates are not stored. It is not computed with
    a solver, whose rounding errors differ from run to run and would change the bytes of a program.
    """
    n = len(dft)
    weight = torch.full((n,), 2 / n, dtype=dft.dtype)
    weight[:2] = 1 / n
    return (dft * weight[:, None]).T


def frequency_responses(taps: Tensor, n: int) -> Tensor:
    """Returns the matrix of each frequency, which multiplies its real and imaginary parts over the channels.

    Args:
        taps: (channels out, channels in, taps).
        n: Bins of a window.

    Returns:
        (n / 2, 2 * channels out, 2 * channels in), float64.
    """
    response = torch.fft.rfft(taps.double(), n).conj().permute(2, 0, 1)  # conjugate: Conv2d computes a correlation
    real, imaginary = response.real, response.imag
    matrices = torch.cat((torch.cat((real, -imaginary), 2), torch.cat((imaginary, real), 2)), 1)[:-1].clone()
    matrices[0] = 0
    matrices[0, : len(real[0]), : real.shape[2]], matrices[0, len(real[0]) :, real.shape[2] :] = real[0], real[-1]
    return matrices


def valid_mask(tiling: Tiling) -> Tensor:
    """Returns (STEP_BINS, tiles, 1), float32: 1 for a bin, 0 for the rows that pad the last tile."""
    mask = (torch.arange(tiling.padded_bins) < tiling.bins).float()
    return mask.reshape(tiling.tiles, STEP_BINS).T.unsqueeze(-1).contiguous()


def linear_of(matrix: Tensor) -> nn.Linear:
    linear = nn.Linear(matrix.shape[1], matrix.shape[0], bias=False)
    linear.weight = nn.Parameter(matrix.float().contiguous())
    return linear
