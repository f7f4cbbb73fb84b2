"""The network between the spectrum and the pitch activations, in two layouts with the same layers under the same names.

`Encoder` is upstream's network with conv2d of height 1 instead of conv1d, which XNNPACK runs faster and can quantize.
`TiledEncoder` computes the wide convolutions in the frequency domain, and all other convolutions as Linears.

Shape of both:
    - Input: (frames, bins), float32, the log-energies of the cropped bins
    - Output: (frames, pitch bins), float32, activations that add up to 1 over the pitch bins
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.model.fourier_conv import FourierConv, Tiling
from workbench.model.fourier_grouped import GroupedFourierConv
from workbench.model.fourier_shifted import HalvedFourierConv, ShiftedFourierConv, tiling_with_empty_tiles
from workbench.model.reductions import MeanAsMatmul
from workbench.model.toeplitz import build_toeplitz
from workbench.model.upstream import Resnet1d
from workbench.recipe.options import Prefilter
from workbench.recipe.stream_config import Implementations

_FOURIER: dict[Prefilter, type[FourierConv] | type[ShiftedFourierConv]] = {
    "fourier": FourierConv,
    "fourier-shifted": ShiftedFourierConv,
    "fourier-halved": HalvedFourierConv,
    "fourier-grouped": GroupedFourierConv,
}
_BLOCK_BINS = 5  # outputs of BlockConv per row: a smaller block needs more slices, a larger one has more zero weights


class Encoder(nn.Module):
    """The network with convolutions over (frames, channels, 1, bins)."""

    def __init__(self, upstream: Resnet1d, shift_bins: int, implementations: Implementations) -> None:
        super().__init__()
        self.norm = Norm(upstream.layernorm)
        self.first = nn.Sequential(conv2d(upstream.conv1[0]), upstream.conv1[1])
        self.prefilter = nn.ModuleList(
            nn.Sequential(conv2d(layers[0]), layers[1]) for layers in upstream.prefilt_layers
        )
        self.residual = upstream.residual
        self.narrow = nn.Sequential(
            *(conv2d(layer) if isinstance(layer, nn.Conv1d) else layer for layer in _narrow(upstream))
        )
        self.toeplitz = build_toeplitz(
            implementations.toeplitz, upstream.fc, shift_bins, implementations.toeplitz_block
        )

    def forward(self, log_energy: Tensor) -> Tensor:
        x: Tensor = self.norm(log_energy)
        x = x.reshape(-1, 1, 1, log_energy.shape[-1])  # a reshape can be delegated, indexing with None cannot
        x = self.first(x)
        for layer in self.prefilter:
            x = layer(x) + x if self.residual else layer(x)
        x = self.narrow(x).flatten(1)
        activations: Tensor = self.toeplitz(x).softmax(-1)
        return activations


class TiledEncoder(nn.Module):
    """The network with tensors (STEP_BINS, tiles, frames * channels) between `first` and `toeplitz`."""

    def __init__(self, upstream: Resnet1d, shift_bins: int, implementations: Implementations) -> None:
        super().__init__()
        self.norm = Norm(upstream.layernorm)
        bins, fourier_conv = upstream.layernorm.normalized_shape[-1], _FOURIER[implementations.prefilter]
        taps = max(layers[0].kernel_size[0] for layers in upstream.prefilt_layers)
        self.tiling = Tiling(bins) if fourier_conv is FourierConv else tiling_with_empty_tiles(bins, taps)
        self.first = nn.Sequential(BlockConv(conv2d(upstream.conv1[0]), self.tiling.padded_bins), upstream.conv1[1])
        self.channels = upstream.conv1[0].out_channels
        self.prefilter = nn.ModuleList(
            nn.Sequential(fourier_conv(conv2d(layers[0]), self.tiling, implementations.band), layers[1])
            for layers in upstream.prefilt_layers
        )
        self.residual = upstream.residual
        self.narrow = nn.Sequential(
            *(_pointwise(layer) if isinstance(layer, nn.Conv1d) else layer for layer in _narrow(upstream))
        )
        self.toeplitz = build_toeplitz(
            implementations.toeplitz, upstream.fc, shift_bins, implementations.toeplitz_block
        )

    def forward(self, log_energy: Tensor) -> Tensor:
        x = self.tiling.to_tiles(self.first(self.norm(log_energy)))
        for layer in self.prefilter:
            x = layer(x) + x if self.residual else layer(x)
        x = self.narrow(x.reshape(-1, self.channels))
        x = self.tiling.from_tiles(x, x.shape[-1]).flatten(1)
        activations: Tensor = self.toeplitz(x).softmax(-1)
        return activations


def build_encoder(upstream: Resnet1d, shift_bins: int, implementations: Implementations) -> Encoder | TiledEncoder:
    """Returns the network in the layout that the implementations require.

    Args:
        upstream: The network with its weights.
        shift_bins: Pitch bins by which the activations are shifted down.
        implementations: How the wide convolutions and the last layer are computed.
    """
    layout = TiledEncoder if implementations.prefilter in _FOURIER else Encoder
    return layout(upstream, shift_bins, implementations)


class Norm(nn.Module):
    """Upstream's layer norm over the bins of (frames, bins), float32, in operators that XNNPACK has."""

    def __init__(self, upstream: nn.LayerNorm) -> None:
        super().__init__()
        self.eps = upstream.eps
        self.mean = MeanAsMatmul(upstream.normalized_shape[-1])
        self.weight = nn.Parameter(upstream.weight.detach().flatten().clone())
        self.bias = nn.Parameter(upstream.bias.detach().flatten().clone())

    def forward(self, x: Tensor) -> Tensor:
        x = x - x[:, :1]  # in silence all bins are equal: they become exactly 0, which x - mean(x) is not
        x = x - self.mean(x)
        normed: Tensor = x * (self.mean(x * x) + self.eps).rsqrt() * self.weight + self.bias
        return normed


class BlockConv(nn.Module):
    """A convolution of one input channel as a Linear that computes _BLOCK_BINS neighbouring outputs at once.

    Each row of the Linear's input holds all bins that these outputs need.

    Shape:
        - Input: (frames, bins), float32
        - Output: (frames, out_bins, channels)
    """

    def __init__(self, conv: nn.Conv2d, out_bins: int) -> None:
        super().__init__()
        channels, taps = conv.out_channels, conv.kernel_size[1]
        self.channels, self.margin = channels, int(conv.padding[1])
        self.blocks = out_bins // _BLOCK_BINS
        self.reach = math.ceil((taps + _BLOCK_BINS - 1) / _BLOCK_BINS)  # blocks in a row
        weight = torch.zeros(_BLOCK_BINS, channels, self.reach * _BLOCK_BINS)
        for bin_ in range(_BLOCK_BINS):
            weight[bin_, :, bin_ : bin_ + taps] = conv.weight.detach()[:, 0, 0]
        self.linear = nn.Linear(weight.shape[-1], _BLOCK_BINS * channels, bias=conv.bias is not None)
        self.linear.weight = nn.Parameter(weight.reshape(_BLOCK_BINS * channels, -1))
        if conv.bias is not None:
            self.linear.bias = nn.Parameter(conv.bias.detach().repeat(_BLOCK_BINS))

    def forward(self, x: Tensor) -> Tensor:
        padded_bins = (self.blocks + self.reach - 1) * _BLOCK_BINS
        x = F.pad(x, (self.margin, padded_bins - x.shape[-1] - self.margin))
        x = x.reshape(-1, padded_bins // _BLOCK_BINS, _BLOCK_BINS)
        x = torch.cat([x[:, block : block + self.blocks] for block in range(self.reach)], -1)
        output: Tensor = self.linear(x).reshape(-1, self.blocks * _BLOCK_BINS, self.channels)
        return output


def conv2d(conv: nn.Conv1d) -> nn.Conv2d:
    """Returns the same convolution over (frames, channels, 1, bins) instead of (frames, channels, bins)."""
    layer = nn.Conv2d(
        conv.in_channels,
        conv.out_channels,
        (1, conv.kernel_size[0]),
        stride=(1, conv.stride[0]),
        padding=(0, int(conv.padding[0])),
        bias=conv.bias is not None,
    )
    layer.weight = nn.Parameter(conv.weight.detach().unsqueeze(2).clone())
    if conv.bias is not None:
        layer.bias = nn.Parameter(conv.bias.detach().clone())
    return layer


def _narrow(upstream: Resnet1d) -> list[nn.Module]:
    """Returns the layers after the prefilters, without dropout."""
    return [layer for layer in upstream.conv_layers if not isinstance(layer, nn.Dropout)]


def _pointwise(conv: nn.Conv1d) -> nn.Linear:
    """Returns a convolution of one tap as a Linear over channels."""
    linear = nn.Linear(conv.in_channels, conv.out_channels, bias=conv.bias is not None)
    linear.weight = nn.Parameter(conv.weight.detach()[:, :, 0].clone())
    if conv.bias is not None:
        linear.bias = nn.Parameter(conv.bias.detach().clone())
    return linear
