"""Three exact implementations of upstream's last layer, a convolution of one channel.

It has inputs + outputs - 1 taps. Each implementation also applies the pitch shift: upstream shifts the activations
circularly after the softmax, which equals a shift of the inputs of the softmax.

Shape of every implementation:
    - Input: (frames, inputs), float32
    - Output: (frames, outputs), float32
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.recipe.options import DEFAULT_TOEPLITZ_BLOCK, Toeplitz


def build_toeplitz(
    implementation: Toeplitz, upstream: nn.Conv1d, shift_bins: int, block_bins: int = DEFAULT_TOEPLITZ_BLOCK
) -> nn.Module:
    """Returns an implementation of upstream's `ToeplitzLinear`, with its outputs shifted down by `shift_bins`."""
    if implementation == "linear":
        return _linear(upstream, shift_bins)
    return (
        ToeplitzConv(upstream, shift_bins)
        if implementation == "conv"
        else ToeplitzBlocks(upstream, shift_bins, block_bins)
    )


class ToeplitzConv(nn.Module):
    """The convolution itself: fewest weights, but slowest in XNNPACK, which vectorizes over channels."""

    def __init__(self, upstream: nn.Conv1d, shift_bins: int) -> None:
        super().__init__()
        self.shift_bins = shift_bins
        self.conv = nn.Conv2d(1, 1, (1, upstream.kernel_size[0]), padding=(0, int(upstream.padding[0])), bias=False)
        self.conv.weight = nn.Parameter(upstream.weight.detach()[:, :, None, :].clone())

    def forward(self, x: Tensor) -> Tensor:
        return _shift(self.conv(x[:, None, None, :]).flatten(1), self.shift_bins)


class ToeplitzBlocks(nn.Module):
    """The convolution over blocks of s inputs. The inputs of a block are channels, so the kernel is s times shorter.

    With y[o] = sum_t w[t] x[o + t], o = s b + j and j + t = s k + c:
    y[s b + j] = sum_{k, c} W[j, c, k] x[s (b + k) + c], where W[j, c, k] = w[s k + c - j].

    A larger block stores more weights, many of them zero: blocks of 4, 8 and 16 have 4,176, 8,384 and 16,896 weights.
    The block is the largest common divisor of `block_bins` and the number of outputs.
    """

    def __init__(self, upstream: nn.Conv1d, shift_bins: int, block_bins: int) -> None:
        super().__init__()
        taps = upstream.weight.detach().flatten()
        inputs, outputs = _sizes(upstream)
        self.shift_bins = shift_bins
        self.block = block = math.gcd(outputs, block_bins)
        kernel = math.ceil((len(taps) + block - 1) / block)
        self.padding = (outputs - 1, block * (outputs // block + kernel - 1) - inputs - (outputs - 1))
        j, c, k = torch.arange(block)[:, None, None], torch.arange(block)[None, :, None], torch.arange(kernel)
        tap = block * k + c - j
        inside = (tap >= 0) & (tap < len(taps))
        self.conv = nn.Conv2d(block, block, (1, kernel), bias=False)
        self.conv.weight = nn.Parameter((taps[tap.clamp(0, len(taps) - 1)] * inside)[:, :, None, :].clone())

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, self.padding)
        x = x.reshape(x.shape[0], 1, -1, self.block).permute(0, 3, 1, 2)
        return _shift(self.conv(x).permute(0, 2, 3, 1).flatten(1), self.shift_bins)


def _linear(upstream: nn.Conv1d, shift_bins: int) -> nn.Linear:
    """Returns the Linear of y[o] = sum_i w[i - o + outputs - 1] x[i] with shifted rows: fastest, but most weights."""
    inputs, outputs = _sizes(upstream)
    linear = nn.Linear(inputs, outputs, bias=False)
    row = torch.arange(outputs).roll(-shift_bins)
    taps = torch.arange(inputs)[None, :] - row[:, None] + outputs - 1
    linear.weight = nn.Parameter(upstream.weight.detach().flatten()[taps].clone())
    return linear


def _sizes(upstream: nn.Conv1d) -> tuple[int, int]:
    """Returns inputs and outputs: upstream pads by outputs - 1 and has inputs + outputs - 1 taps."""
    outputs = int(upstream.padding[0]) + 1
    return upstream.kernel_size[0] - outputs + 1, outputs


def _shift(x: Tensor, shift_bins: int) -> Tensor:
    return torch.cat((x[:, shift_bins:], x[:, :shift_bins]), -1) if shift_bins else x
