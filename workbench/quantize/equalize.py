"""Cross-layer equalization of the encoder: the same function, with channels of more equal range.

Activations have one scale for all channels, so a channel with a small range loses most of its resolution. Leaky ReLU
commutes with positive factors (f(s x) = s f(x) for s > 0). A channel can therefore be multiplied by s in the layer that
produces it, and divided by s in the layers that consume it.

The method is that of Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction" (2019),
section 4.1, with one change: the range of a channel is measured on calibration audio, not taken from the producer's
weights. The factor is equation 4 of Xiao et al., "SmoothQuant" (2023), with alpha = 1/2.
"""

from collections.abc import Callable, Sequence
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
    batches = torch.split(log_energy, BATCH)
    for shared in _wide_channels(encoder):
        _rescale(shared, encoder, batches)
    narrow_batches: list[Tensor] = []  # recorded once: the wide layers take most of the time
    _run_with_hook(encoder, [encoder.narrow], batches, narrow_batches.append)
    for shared in _narrow_channels(encoder):
        _rescale(shared, encoder.narrow, narrow_batches)


def _rescale(shared: _SharedChannels, module: nn.Module, batches: Sequence[Tensor]) -> None:
    """Rescales layers of a module, which receives these batches of calibration audio."""
    largest: list[Tensor] = []
    _run_with_hook(module, shared.consumers, batches, lambda x: largest.append(x.abs().amax((0, 2, 3))))
    largest_input = torch.stack(largest).amax(0)
    largest_weight = torch.stack([layer.weight.abs().amax((0, 2, 3)) for layer in shared.consumers]).amax(0)
    scale = (largest_weight.clamp(min=1e-12) / largest_input.clamp(min=1e-12)).sqrt()
    scale *= largest_input.max() / (largest_input * scale).max()  # keeps the largest activation as it is
    for layer in shared.producers:
        layer.weight *= scale[:, None, None, None]
        if layer.bias is not None:
            layer.bias *= scale
    for layer in shared.consumers:
        layer.weight /= scale[None, :, None, None]


def _wide_channels(encoder: Encoder) -> list[_SharedChannels]:
    """Returns the sets of channels between the layers up to the first narrow one, in order."""
    first, *wide = [layer for block in (encoder.first, encoder.prefilter) for layer in _convolutions(block)]
    narrow = _convolutions(encoder.narrow)[0]
    if encoder.residual:
        return [_SharedChannels([first, *wide], [*wide, narrow])]
    return [_SharedChannels([layer], [following]) for layer, following in pairwise([first, *wide, narrow])]


def _narrow_channels(encoder: Encoder) -> list[_SharedChannels]:
    """Returns the sets of channels between the narrow layers, in order."""
    return [_SharedChannels([layer], [following]) for layer, following in pairwise(_convolutions(encoder.narrow))]


def _convolutions(block: nn.Module) -> list[nn.Conv2d]:
    return [layer for layer in block.modules() if isinstance(layer, nn.Conv2d)]


def _run_with_hook(
    module: nn.Module, layers: Sequence[nn.Module], batches: Sequence[Tensor], hook: Callable[[Tensor], None]
) -> None:
    """Runs a module on batches. The hook receives each input of the layers."""
    handles = [layer.register_forward_pre_hook(lambda _, inputs: hook(inputs[0])) for layer in layers]
    for batch in batches:
        module(batch)
    for handle in handles:
        handle.remove()
