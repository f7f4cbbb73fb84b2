"""The constant-Q transform: upstream's one convolution, the same sums without the zeros, or a low-rank approximation.

Of upstream's (2 * bins, kernel) taps more than half are zero (the kernels of high bins are short), many only ever meet
the zeros that stand for the unheard future, and those of neighbouring bins nearly repeat each other. Here each group of
neighbouring bins is a Linear over the samples that it touches, with frames on the batch axis: the form that XNNPACK
runs fastest at one frame a chunk, and quantizes.
"""

from collections import OrderedDict

import numpy as np
import torch
import torch.nn.functional as F
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from workbench.model.bin_groups import Doubles, Group, basis, exact_groups, low_rank_groups
from workbench.recipe.options import DEFAULT_FRONTEND_TOLERANCE, Frontend

EPS = torch.finfo(torch.float32).eps  # the floor of upstream's magnitude (pesto.data.ToLogMagnitude)


class Framing(nn.Module):
    """The samples that each frame hears: (streams, window samples) -> (streams * frames, frame samples), float32.

    `lead_samples` zeros go before the window, and `future_samples` after it: they stand for the future that the stream
    has not heard yet. Frames are the batch of all that follows, so that one does not depend on how many there are.
    """

    def __init__(
        self, frame_samples: int, hop_samples: int, future_samples: int, lead_samples: int, single: bool
    ) -> None:
        super().__init__()
        self.frame_samples = frame_samples
        self.hop_samples = hop_samples
        self.future_samples = future_samples
        self.lead_samples = lead_samples
        self.single = single  # every call has one frame: the window is it

    def forward(self, window: Tensor) -> Tensor:
        if self.lead_samples or self.future_samples:
            window = F.pad(window, (self.lead_samples, self.future_samples))
        return window if self.single else window.unfold(-1, self.frame_samples, self.hop_samples).flatten(0, 1)


class ConstantQ(nn.Module):
    """Energy of each constant-Q bin: frames (frames, kernel) -> (frames, bins), float32."""

    taps: Tensor

    def __init__(self, taps: Tensor) -> None:
        super().__init__()
        self.register_buffer("taps", taps)  # (2 * bins, 1, kernel): the real parts of all bins, then the imaginary
        self.bins = taps.shape[0] // 2

    def forward(self, frames: Tensor) -> Tensor:
        spectrum = F.conv1d(frames.unsqueeze(1), self.taps).squeeze(-1)
        return _energy(spectrum[:, : self.bins], spectrum[:, self.bins :])


class GroupedConstantQ(nn.Module):
    """ConstantQ with its bins grouped by the samples that their kernels touch, on frames (frames, frame_samples).

    Of a kernel's samples, frames have those that the stream can hear, and `lead_samples` zeros before them.
    Without a tolerance the sums are the same, in another order. With one, the samples of a group are projected block by
    block where that is cheaper, so that no bin's kernel is off by more than the tolerance: norm of the kernel's error
    over norm of the kernel, real and imaginary part together. Kernels count as far as this stream lets them hear.

    `group` holds, for each of `groups`, a bias-free Linear (frames, samples) -> (frames, 2 * bins of the group), real
    parts first, or two of them: `project` from a block to its coefficients, and `expand` from those of all blocks.
    `bin_relative_errors` (bins,) is what was reached.
    """

    def __init__(
        self,
        taps: Tensor,
        hop_samples: int,
        mirrored_samples: int,
        frames_per_chunk: int,
        tolerance: float | None = None,
    ) -> None:
        super().__init__()
        # All but the last frame of a chunk hear some of what is future to the last; taps beyond that only meet zeros.
        self.future_samples = min(mirrored_samples, (frames_per_chunk - 1) * hop_samples)
        heard_samples = taps.shape[-1] - mirrored_samples + self.future_samples
        kernels = taps.reshape(2, -1, taps.shape[-1])[..., :heard_samples].transpose(0, 1).double().numpy()
        with threadpool_limits(1, "blas"):  # threads slow matrices this small down, and change the last bits
            self.groups = exact_groups(kernels) if tolerance is None else low_rank_groups(kernels, tolerance)
            self.lead_samples = max(0, -min(at.first for at in self.groups))  # a block may begin before the frame
            self.frame_samples = self.lead_samples + heard_samples
            self.group = nn.ModuleList()
            errors = []
            for at in self.groups:
                own = kernels[at.start : at.stop, :, max(at.first, 0) : at.last]
                own = np.pad(own, ((0, 0), (0, 0), (max(-at.first, 0), 0)))
                self.group.append(
                    _dense_linear(own) if tolerance is None or not at.rank else _low_rank_linears(own, at, tolerance)
                )
                errors.append(_relative_errors(self.group[-1], own))
            self.bin_relative_errors: Doubles = np.concatenate(errors)

    def forward(self, frames: Tensor) -> Tensor:
        real, imaginary = [], []
        for at, group in zip(self.groups, self.group, strict=True):
            spectrum = group(frames[:, self.lead_samples + at.first : self.lead_samples + at.last])
            real.append(spectrum[:, : at.rows // 2])
            imaginary.append(spectrum[:, at.rows // 2 :])
        return _energy(torch.cat(real, -1), torch.cat(imaginary, -1))


def constant_q(
    frontend: Frontend,
    taps: Tensor,
    hop_samples: int,
    mirrored_samples: int,
    frames_per_chunk: int,
    tolerance: float = DEFAULT_FRONTEND_TOLERANCE,
) -> tuple[Framing, ConstantQ | GroupedConstantQ]:
    """The front end of that name for taps (2 * bins, 1, kernel), float32, and the framing that it hears through.

    `frames_per_chunk` is that of the largest call; `tolerance` is low-rank's alone.
    """
    single = frames_per_chunk == 1
    if frontend == "upstream":
        return Framing(taps.shape[-1], hop_samples, mirrored_samples, 0, single), ConstantQ(taps)
    grouped = GroupedConstantQ(
        taps, hop_samples, mirrored_samples, frames_per_chunk, tolerance if frontend == "low-rank" else None
    )
    framing = Framing(grouped.frame_samples, hop_samples, grouped.future_samples, grouped.lead_samples, single)
    return framing, grouped


def _energy(real: Tensor, imaginary: Tensor) -> Tensor:
    return (real * real + imaginary * imaginary).clamp(min=EPS**2)


def _dense_linear(kernels: Doubles) -> nn.Linear:
    """Kernels (bins, 2, samples) -> Linear of their real parts, then their imaginary parts."""
    return _linear(kernels.transpose(1, 0, 2).reshape(-1, kernels.shape[-1]))


def _low_rank_linears(kernels: Doubles, group: Group, tolerance: float) -> nn.Sequential:
    """Kernels (bins, 2, samples) -> Linears from each block to its coefficients, and from those to all parts."""
    vectors = basis(kernels, group.block_samples, tolerance)
    blocks = kernels.transpose(1, 0, 2).reshape(group.rows, -1, group.block_samples)
    return nn.Sequential(
        OrderedDict(
            blocks=nn.Unflatten(-1, (-1, group.block_samples)),
            project=_linear(vectors),
            join=nn.Flatten(-2),
            expand=_linear((blocks @ vectors.T).reshape(group.rows, -1)),
        )
    )


def _linear(matrix: Doubles) -> nn.Linear:
    linear = nn.Linear(matrix.shape[1], matrix.shape[0], bias=False)
    linear.weight = nn.Parameter(torch.tensor(matrix, dtype=torch.float32), requires_grad=False)
    return linear


def _relative_errors(group: nn.Module, kernels: Doubles) -> Doubles:
    """(bins,) norm of what `group` multiplies with less its kernels (bins, 2, samples), over the kernel's norm."""
    if isinstance(group, nn.Linear):
        matrix = group.weight.double().numpy()
    else:
        project = group.get_parameter("project.weight").double().numpy()
        expand = group.get_parameter("expand.weight").double().numpy()
        matrix = expand.reshape(2 * len(kernels), -1, len(project)) @ project
    difference = matrix.reshape(2, len(kernels), -1).transpose(1, 0, 2) - kernels
    errors: Doubles = np.sqrt(np.square(difference).sum((1, 2)) / np.square(kernels).sum((1, 2)))
    return errors
