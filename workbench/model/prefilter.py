"""Upstream's wide convolutions over bins, in two forms that are equal.

Both take and return (frames, channels, 1, bins) float32, as many bins as they get. XNNPACK's float convolution is slow
for channels this few; its matrix product is not, where its width divides by 16.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Prefilter = Literal["conv", "linear"]
_LANES = 16  # columns that XNNPACK's float matrix product computes at once; other widths are slower


def prefilter(form: Prefilter, conv: nn.Conv2d) -> nn.Module:
    """The convolution in the form of that name."""
    return conv if form == "conv" else WideLinear(conv)


class WideLinear(nn.Module):
    """A convolution as one Linear over the taps of `together` neighbouring bins, computed at once.

    With together = 2, 40 channels and 39 taps: rows of 40 bins of 40 channels -> 2 bins of 40 channels. The weights of
    the second bin are those of the first, a bin later: the Linear holds them twice, and a zero for every tap it adds.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        channels, self.taps = conv.out_channels, conv.kernel_size[1]
        self.together = next(bins for bins in range(1, _LANES + 1) if channels * bins % _LANES == 0)
        self.margin = int(conv.padding[1])
        # steps of `together` bins; the taps of a step reach over so many
        self.reach = -(-(self.taps + self.together - 1) // self.together)
        weight = torch.zeros(self.together, channels, self.reach * self.together, conv.in_channels)
        for bin_ in range(self.together):
            weight[bin_, :, bin_ : bin_ + self.taps] = conv.weight.detach()[:, :, 0].transpose(1, 2)
        self.linear = nn.Linear(weight[0, 0].numel(), self.together * channels, bias=conv.bias is not None)
        self.linear.weight = nn.Parameter(weight.reshape(self.together * channels, -1))
        if conv.bias is not None:
            self.linear.bias = nn.Parameter(conv.bias.detach().repeat(self.together))

    def forward(self, x: Tensor) -> Tensor:
        frames, channels, _, bins = x.shape
        steps = -(-bins // self.together)
        after = (steps + self.reach - 1) * self.together - bins - self.margin
        x = F.pad(x.reshape(frames, channels, bins).transpose(1, 2), (0, 0, self.margin, after))
        x = x.reshape(frames, -1, self.together * channels)
        heard = torch.cat([x[:, step : step + steps] for step in range(self.reach)], -1)
        made: Tensor = self.linear(heard).reshape(frames, steps * self.together, channels)[:, :bins]
        return made.transpose(1, 2).reshape(frames, channels, 1, bins)
