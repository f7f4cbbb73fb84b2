"""Cross-layer equalization of the encoder: the same function, with ranges that one scale for all channels fits better.

Leaky ReLU keeps positive factors (f(s x) = s f(x), s > 0), so that a channel can be multiplied by s where it is made
and divided by s where it is heard. After Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias
Correction" (2019), section 4.1; the range of a channel is taken from calibration audio, not from the weights that make
it, as in Xiao et al., "SmoothQuant" (2023), equation 4 with alpha 1/2: weights have a scale a channel, activations
have one.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from workbench.errors import ModelError
from workbench.model.encoder import Encoder, TiledEncoder
from workbench.quantize.calibration import BATCH


@torch.no_grad()
def equalize(encoder: Encoder | TiledEncoder, log_energy: Tensor) -> None:
    """Rescale the encoder in place, for the rows (frames, bins) that it hears; its answers stay equal to rounding.

    Raises ModelError for the Fourier form, whose channels are not told apart by convolutions.
    """
    if isinstance(encoder, TiledEncoder):
        raise ModelError("equalization wants the wide convolutions as they are (lowering.prefilter: conv)")
    for makers, hearers in _shared_channels(encoder):
        heard = _largest_heard(encoder, hearers, log_energy)
        weight = torch.stack([layer.weight.abs().amax((0, 2, 3)) for layer in hearers]).amax(0)
        scale = (weight.clamp(min=1e-12) / heard.clamp(min=1e-12)).sqrt()
        scale *= heard.max() / (heard * scale).max()  # the largest activation stays as large
        for layer in makers:
            layer.weight *= scale[:, None, None, None]
            if layer.bias is not None:
                layer.bias *= scale
        for layer in hearers:
            layer.weight /= scale[None, :, None, None]


Convolutions = list[nn.Conv2d]


def _shared_channels(encoder: Encoder) -> list[tuple[Convolutions, Convolutions]]:
    """The sets of channels between layers: who makes them, who hears them. Through residual adds they are one set."""
    first, *wide = [layer for block in (encoder.first, encoder.prefilter) for layer in _convolutions(block)]
    narrow = _convolutions(encoder.narrow)
    chain = [([maker], [hearer]) for maker, hearer in pairwise(narrow)]
    if encoder.residual:
        return [([first, *wide], [*wide, narrow[0]]), *chain]
    return [([maker], [hearer]) for maker, hearer in pairwise([first, *wide, narrow[0]])] + chain


def _convolutions(block: nn.Module) -> Convolutions:
    return [layer for layer in block.modules() if isinstance(layer, nn.Conv2d)]


def _largest_heard(encoder: Encoder, layers: Convolutions, log_energy: Tensor) -> Tensor:
    """(channels,) the largest magnitude that any of the layers hears."""
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
