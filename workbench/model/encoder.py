"""The network between spectrum and pitch activations, in two layouts with the same layers by the same names.

`Encoder` is upstream's, with its convolutions as conv2d of height 1, which XNNPACK runs faster and can quantize.
`TiledEncoder` has the wide convolutions in their Fourier form, and all others as the Linears that fit its layout.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.model.fourier_conv import FourierConv, Tiling
from workbench.model.reductions import MeanAsMatmul
from workbench.model.toeplitz import toeplitz
from workbench.model.upstream import Resnet1d
from workbench.recipe.stream_config import Implementations

_BLOCK_BINS = 5  # of the first layer that are made at once: fewer take more slices, more take more zeros


class Encoder(nn.Module):
    """Log-energies of the cropped bins -> pitch activations: (frames, bins) -> (frames, pitch bins), float32."""

    def __init__(self, upstream: Resnet1d, shift_bins: int, forms: Implementations) -> None:
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
        self.toeplitz = toeplitz(forms.toeplitz, upstream.fc, shift_bins)

    def forward(self, log_energy: Tensor) -> Tensor:
        x: Tensor = self.norm(log_energy).reshape(
            -1, 1, 1, log_energy.shape[-1]
        )  # a view can be delegated, None cannot
        x = self.first(x)
        for layer in self.prefilter:
            x = layer(x) + x if self.residual else layer(x)
        x = self.narrow(x).flatten(1)
        activations: Tensor = self.toeplitz(x).softmax(-1)
        return activations


class TiledEncoder(nn.Module):
    """As `Encoder`; between `first` and `toeplitz` tensors are (STEP_BINS, tiles, frames * channels)."""

    def __init__(self, upstream: Resnet1d, shift_bins: int, forms: Implementations) -> None:
        super().__init__()
        self.norm = Norm(upstream.layernorm)
        self.tiling = Tiling(upstream.layernorm.normalized_shape[-1])
        self.first = nn.Sequential(BlockConv(conv2d(upstream.conv1[0]), self.tiling.padded_bins), upstream.conv1[1])
        self.channels = upstream.conv1[0].out_channels
        self.prefilter = nn.ModuleList(
            nn.Sequential(FourierConv(conv2d(layers[0]), self.tiling, forms.band), layers[1])
            for layers in upstream.prefilt_layers
        )
        self.residual = upstream.residual
        self.narrow = nn.Sequential(
            *(_pointwise(layer) if isinstance(layer, nn.Conv1d) else layer for layer in _narrow(upstream))
        )
        self.toeplitz = toeplitz(forms.toeplitz, upstream.fc, shift_bins)

    def forward(self, log_energy: Tensor) -> Tensor:
        x = self.tiling.to_tiles(self.first(self.norm(log_energy)))
        for layer in self.prefilter:
            x = layer(x) + x if self.residual else layer(x)
        x = self.narrow(x.reshape(-1, self.channels))
        x = self.tiling.from_tiles(x, x.shape[-1]).flatten(1)
        activations: Tensor = self.toeplitz(x).softmax(-1)
        return activations


def encoder(upstream: Resnet1d, shift_bins: int, forms: Implementations) -> Encoder | TiledEncoder:
    """The network in the layout that its forms ask for."""
    layout = TiledEncoder if forms.prefilter == "fourier" else Encoder
    return layout(upstream, shift_bins, forms)


class Norm(nn.Module):
    """Upstream's layer norm over the bins of (frames, bins), in operators that XNNPACK has."""

    def __init__(self, upstream: nn.LayerNorm) -> None:
        super().__init__()
        self.eps = upstream.eps
        self.mean = MeanAsMatmul(upstream.normalized_shape[-1])
        self.weight = nn.Parameter(upstream.weight.detach().flatten().clone())
        self.bias = nn.Parameter(upstream.bias.detach().flatten().clone())

    def forward(self, x: Tensor) -> Tensor:
        x = x - x[:, :1]  # in silence all bins are equal: now exactly zero, where their mean would be rounded
        x = x - self.mean(x)
        normed: Tensor = x * (self.mean(x * x) + self.eps).rsqrt() * self.weight + self.bias
        return normed


class BlockConv(nn.Module):
    """A convolution of one input channel as a Linear over blocks: (frames, bins) -> (frames, `out_bins`, channels).

    Each row of the Linear's input is what _BLOCK_BINS neighbouring outputs hear together.
    """

    def __init__(self, conv: nn.Conv2d, out_bins: int) -> None:
        super().__init__()
        channels, taps = conv.out_channels, conv.kernel_size[1]
        self.channels, self.margin = channels, int(conv.padding[1])
        self.blocks = out_bins // _BLOCK_BINS
        self.reach = -(-(taps + _BLOCK_BINS - 1) // _BLOCK_BINS)  # blocks that a row holds
        weight = torch.zeros(_BLOCK_BINS, channels, self.reach * _BLOCK_BINS)
        for bin_ in range(_BLOCK_BINS):
            weight[bin_, :, bin_ : bin_ + taps] = conv.weight.detach()[:, 0, 0]
        self.linear = nn.Linear(weight.shape[-1], _BLOCK_BINS * channels, bias=conv.bias is not None)
        self.linear.weight = nn.Parameter(weight.reshape(_BLOCK_BINS * channels, -1))
        if conv.bias is not None:
            self.linear.bias = nn.Parameter(conv.bias.detach().repeat(_BLOCK_BINS))

    def forward(self, x: Tensor) -> Tensor:
        held = (self.blocks + self.reach - 1) * _BLOCK_BINS
        x = F.pad(x, (self.margin, held - x.shape[-1] - self.margin)).reshape(-1, held // _BLOCK_BINS, _BLOCK_BINS)
        x = torch.cat([x[:, at : at + self.blocks] for at in range(self.reach)], -1)
        made: Tensor = self.linear(x).reshape(-1, self.blocks * _BLOCK_BINS, self.channels)
        return made


def conv2d(conv: nn.Conv1d) -> nn.Conv2d:
    """The equal convolution over (frames, channels, 1, bins)."""
    equal = nn.Conv2d(
        conv.in_channels,
        conv.out_channels,
        (1, conv.kernel_size[0]),
        stride=(1, conv.stride[0]),
        padding=(0, int(conv.padding[0])),
        bias=conv.bias is not None,
    )
    equal.weight = nn.Parameter(conv.weight.detach().unsqueeze(2).clone())
    if conv.bias is not None:
        equal.bias = nn.Parameter(conv.bias.detach().clone())
    return equal


def _narrow(upstream: Resnet1d) -> list[nn.Module]:
    return [layer for layer in upstream.conv_layers if not isinstance(layer, nn.Dropout)]


def _pointwise(conv: nn.Conv1d) -> nn.Linear:
    """The equal Linear over channels, of a convolution of one tap."""
    linear = nn.Linear(conv.in_channels, conv.out_channels, bias=conv.bias is not None)
    linear.weight = nn.Parameter(conv.weight.detach()[:, :, 0].clone())
    if conv.bias is not None:
        linear.bias = nn.Parameter(conv.bias.detach().clone())
    return linear
