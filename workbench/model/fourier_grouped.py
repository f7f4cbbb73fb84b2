"""The convolution of `fourier_shifted.py` with one grouped convolution for all frequencies.

A frequency is a group of channels, and a tile is an image of one pixel. This takes one operator instead of a Linear and
a slice for each frequency. In dynamic int8, XNNPACK computes one scale per image: for all frequencies of a tile. Their
magnitudes differ, so the matrix that separates the frequencies divides each by a typical magnitude, and its weights are
multiplied by it. All of this is exact.
"""

import torch
from torch import Tensor, nn

from workbench.model.fourier_conv import Tiling
from workbench.model.fourier_shifted import ShiftedFourierConv


class GroupedFourierConv(ShiftedFourierConv):
    """A convolution with an odd number of taps that keeps the number of bins; shapes as `ShiftedFourierConv`.

    `frequencies` holds the weights of all frequencies, over (tiles * frames, kept * 2 * channels, 1, 1): for each
    frequency the real parts of all channels, then the imaginary parts.
    """

    def __init__(self, conv: nn.Conv2d, tiling: Tiling, band: float) -> None:
        super().__init__(conv, tiling, band)
        columns = 2 * self.kept * self.channels
        self.frequencies = nn.Conv2d(columns, columns, 1, groups=self.kept, bias=conv.bias is not None)
        matrices = torch.stack([linear.get_parameter("weight").detach() for linear in self.frequency])
        magnitudes = typical_magnitudes(self.kept, self.apart.shape[-1] // 2)
        self.apart /= magnitudes.reshape(1, -1, 1)
        inputs = magnitudes.repeat_interleave(self.channels).reshape(self.kept, 1, -1)
        self.frequencies.weight = nn.Parameter((matrices * inputs).reshape(columns, -1, 1, 1))
        if conv.bias is not None:  # of the real part of frequency 0, as in the base class
            bias = torch.zeros(columns)
            bias[: self.channels] = self.apart.shape[-1] * conv.bias.detach()
            self.frequencies.bias = nn.Parameter(bias)
        del self.frequency

    def _products(self, spectrum: Tensor) -> Tensor:
        rows = spectrum.reshape(2 * self.kept, -1, self.channels).permute(1, 0, 2)
        images = rows.reshape(-1, 2 * self.kept * self.channels, 1, 1)
        # ExecuTorch 1.5.1 searches the input of a dynamic int8 convolution from operator to operator, past the reshape,
        # up to a concatenation.
        half = self.kept * self.channels
        products: Tensor = self.frequencies(torch.cat((images[:, :half], images[:, half:]), 1))
        products = products.reshape(-1, 2 * self.kept, self.channels).permute(1, 0, 2)
        return products.reshape(1, 2 * self.kept, -1)


def typical_magnitudes(kept: int, highest: int) -> Tensor:
    """Returns (2 * kept,), float32: the magnitudes of the real and the imaginary part of each frequency, relatively.

    On calibration audio they fall about as 1 / (frequency + 1): 43, 20, 11, 8, 6, 6, 5, 4, 4, 3 in the first layer. The
    second entry is that of the highest frequency, as in `real_dft_matrix`.
    """
    magnitudes = 1 / (1 + torch.arange(float(kept)).repeat_interleave(2))
    magnitudes[1] = 1 / (1 + highest)
    return magnitudes
