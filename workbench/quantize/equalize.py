"""Cross-layer equalization of the encoder: the same function, with channels of more equal range.

Activations have one scale for all channels, so a channel with a small range loses most of its resolution. Leaky ReLU
commutes with positive factors (f(s x) = s f(x) for s > 0). A channel can therefore be multiplied by s in the layer that
produces it, and divided by s in the layers that consume it.

The method is that of Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction" (2019),
section 4.1, with one change: the range of a channel is measured on calibration audio, not taken from the producer's
weights. The factor is equation 4 of Xiao et al., "SmoothQuant" (2023), with alpha = 1/2.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from workbench.errors import ModelError
from workbench.model.encoder import Encoder, TiledEncoder
from workbench.model.student.network import StudentEncoder
from workbench.quantize.calibration import BATCH


@dataclass(frozen=True)
class _SharedChannels:
    """Layers with the same channels between them. All layers around a residual add share one set of channels."""

    producers: Sequence[nn.Conv2d]
    consumers: Sequence[nn.Conv2d]


@torch.no_grad()
def equalize(encoder: Encoder | TiledEncoder | StudentEncoder, log_energy: Tensor) -> None:
    """Rescales the encoder in place. Its outputs stay the same, except for rounding.

    Args:
        encoder: An encoder whose wide layers are convolutions over bins (`lowering.prefilter: conv`).
        log_energy: Its inputs on calibration audio, (frames, bins), float32.

    Raises:
        ModelError: The wide convolutions are computed in the frequency domain, for which this is not implemented, or
            the encoder is a student, which has none.
    """
    if not isinstance(encoder, Encoder):
        raise ModelError("quantization.equalize requires lowering.prefilter: conv and no student; remove it")
    for shared in _shared_channels(encoder):
        largest_input = _largest_inputs(encoder, shared.consumers, log_energy)
        largest_weight = torch.stack([layer.weight.abs().amax((0, 2, 3)) for layer in shared.consumers]).amax(0)
        scale = (largest_weight.clamp(min=1e-12) / largest_input.clamp(min=1e-12)).sqrt()
        scale *= largest_input.max() / (largest_input * scale).max()  # keeps the largest activation as it is
        for layer in shared.producers:
            layer.weight *= scale[:, None, None, None]
            if layer.bias is not None:
                layer.bias *= scale
        for layer in shared.consumers:
            layer.weight /= scale[None, :, None, None]


def _shared_channels(encoder: Encoder) -> list[_SharedChannels]:
    """Returns the sets of channels between the layers, in order."""
    first, *wide = [layer for block in (encoder.first, encoder.prefilter) for layer in _convolutions(block)]
    narrow = _convolutions(encoder.narrow)
    if encoder.residual:
        before = [_SharedChannels([first, *wide], [*wide, narrow[0]])]
    else:
        before = [_SharedChannels([layer], [following]) for layer, following in pairwise([first, *wide, narrow[0]])]
    return before + [_SharedChannels([layer], [following]) for layer, following in pairwise(narrow)]


def _convolutions(block: nn.Module) -> list[nn.Conv2d]:
    return [layer for layer in block.modules() if isinstance(layer, nn.Conv2d)]


def _largest_inputs(encoder: Encoder, layers: Sequence[nn.Conv2d], log_energy: Tensor) -> Tensor:
    """Returns (channels,): the largest magnitude of each channel in the inputs of the layers."""
    found: list[Tensor] = []
    hooks = [
        layer.register_forward_pre_hook(lambda _, inputs: found.append(inputs[0].abs().amax((0, 2, 3))))
        for layer in layers
    ]
    for rows in torch.split(log_energy, BATCH):
        encoder(rows)
    for hook in hooks:
        hook.remove()
    return torch.stack(found).amax(0)
