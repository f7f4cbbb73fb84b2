"""A student of PESTO's encoder: a small network that was trained to return the activations of its teacher.

PESTO's encoder is a few wide convolutions over the bins. Most of their work is to find which bins are harmonics of the
same f0. The student has their places built in: the bins are cut into blocks of one semitone. Each layer gathers, for
each candidate pitch, the blocks at fixed distances from it (an octave is 12 semitones, the third harmonic 19) and
multiplies them with one matrix. All candidates share the matrix. This is the harmonic constant-Q convolution of
R. M. Bittner et al., "Deep salience representations for F0 estimation in polyphonic music", ISMIR 2017, on a grid of
semitones.

The student replaces the encoder only. The front end, the confidence and the volume are the teacher's.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.model.encoder import Norm
from workbench.model.joining import join
from workbench.recipe.students.architecture import Architecture

BINS_PER_SEMITONE = 3
PITCH_BINS = 384
"""Pitch bins of a PESTO: MIDI 0 to 127."""

_FIRST_BLOCK_SEMITONES = 26
"""MIDI pitch of the first of the 219 bins that the encoder receives: 16 bins above 27.5 Hz / 2 ** (1 / 36)."""

_NEGATIVE_SLOPE = 0.1
_LOGIT_OF_OTHERS = -8.0  # of the pitch bins that are no candidates: almost no activation


class StudentEncoder(nn.Module):
    """The network.

    Shape:
        - Input: (frames, bins), float32, the log-energies of the cropped bins
        - Output: (frames, PITCH_BINS), float32, activations that add up to 1

    Args:
        architecture: Distances and widths of its layers, and the range of its candidates.
        bins: Bins of the input, a multiple of BINS_PER_SEMITONE.
    """

    pitch_bins = PITCH_BINS

    def __init__(self, architecture: Architecture, bins: int) -> None:
        super().__init__()
        self.bins, self.blocks = bins, bins // BINS_PER_SEMITONE
        self.lowest, self.candidates = architecture.lowest_semitone, architecture.candidates
        self.norm = Norm(nn.LayerNorm((bins,)))
        widths = (BINS_PER_SEMITONE, *(layer.channels for layer in architecture.layers))
        self.layers = nn.ModuleList(
            GatherLinear(layer.offsets_semitones, width, layer.channels)
            for layer, width in zip(architecture.layers, widths, strict=False)
        )
        self.last = nn.Linear(widths[-1], BINS_PER_SEMITONE)
        self.bias = nn.Parameter(torch.zeros(self.candidates, BINS_PER_SEMITONE))

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of the layers in a frame."""
        linears = [module for module in self.modules() if isinstance(module, nn.Linear)]
        return self.candidates * sum(linear.weight.numel() for linear in linears)

    def forward(self, log_energy: Tensor) -> Tensor:
        return self.logits(log_energy).softmax(-1)

    def logits(self, log_energy: Tensor) -> Tensor:
        """Returns the activations before the softmax; shapes as the network."""
        x = self.norm(log_energy).reshape(-1, self.blocks, BINS_PER_SEMITONE)
        below = _FIRST_BLOCK_SEMITONES - self.lowest
        x = F.pad(x, (0, 0, below, self.candidates - self.blocks - below))
        for layer in self.layers:
            y = F.leaky_relu(layer(x), _NEGATIVE_SLOPE)
            x = x + y if x.shape == y.shape else y
        x = (self.last(x) + self.bias).flatten(1)
        first = self.lowest * BINS_PER_SEMITONE
        return F.pad(x, (first, PITCH_BINS - first - x.shape[-1]), value=_LOGIT_OF_OTHERS)


class GatherLinear(nn.Module):
    """One matrix over the values of each candidate and of those at fixed distances from it.

    Shape:
        - Input: (frames, candidates, in_channels), float32; candidates beyond both ends are 0
        - Output: (frames, candidates, out_channels)
    """

    def __init__(self, offsets: Sequence[int], in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.offsets = tuple(offsets)
        self.below, self.above = max(0, -min(offsets)), max(0, *offsets)
        self.linear = nn.Linear(len(offsets) * in_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        candidates = x.shape[1]
        padded = F.pad(x, (0, 0, self.below, self.above))
        first = [self.below + offset for offset in self.offsets]
        gathered: Tensor = self.linear(join([padded[:, start : start + candidates] for start in first], -1))
        return gathered
