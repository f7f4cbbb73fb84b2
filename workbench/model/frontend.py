"""The constant-Q transform: upstream's single convolution, the same without its zeros, or an approximation of low rank.

Upstream multiplies each frame with (2 * bins, kernel) taps. More than half of them are zero, because the kernels of
high bins are short. Many others are only multiplied with the zeros that replace the future of the stream, and the taps
of neighbouring bins are nearly redundant. Here each group of neighbouring bins is a Linear over the samples that it
touches, with the frames on the batch axis. XNNPACK runs it faster than a convolution if a chunk has one frame, and can
quantize it.
"""

from collections import OrderedDict

import numpy as np
import torch
import torch.nn.functional as F
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from workbench.model.bin_groups import Doubles, Group, basis, exact_groups, low_rank_groups, samples_of
from workbench.model.reductions import SumAsMatmul
from workbench.model.three_stage import Factors, three_stage_groups
from workbench.recipe.options import DEFAULT_FRONTEND_TOLERANCE, Frontend

EPS = torch.finfo(torch.float32).eps  # the floor of upstream's magnitude (pesto.data.ToLogMagnitude)


class Framing(nn.Module):
    """Cuts a window into overlapping frames and puts them on the batch axis.

    Later layers compute each frame separately, so that a frame does not depend on the number of frames in its chunk.

    Shape:
        - Input: (streams, window samples), float32
        - Output: (streams * frames, frame samples)

    Args:
        frame_samples: Length of a frame.
        hop_samples: Samples between frames.
        future_samples: Zeros after the window, in place of audio that the stream has not received yet.
        lead_samples: Zeros before the window.
        single: Every chunk has one frame, which is the whole padded window.
    """

    def __init__(
        self, frame_samples: int, hop_samples: int, future_samples: int, lead_samples: int, single: bool
    ) -> None:
        super().__init__()
        self.frame_samples = frame_samples
        self.hop_samples = hop_samples
        self.future_samples = future_samples
        self.lead_samples = lead_samples
        self.single = single

    def forward(self, window: Tensor) -> Tensor:
        if self.lead_samples or self.future_samples:
            window = F.pad(window, (self.lead_samples, self.future_samples))
        return window if self.single else window.unfold(-1, self.frame_samples, self.hop_samples).flatten(0, 1)


class ConstantQ(nn.Module):
    """Energy of each constant-Q bin, by upstream's convolution.

    Shape:
        - Input: (frames, kernel samples), float32
        - Output: (frames, bins), energy of at least EPS ** 2

    Args:
        taps: (2 * bins, 1, kernel samples), float32: the real parts of all bins, then the imaginary parts.
    """

    taps: Tensor

    def __init__(self, taps: Tensor) -> None:
        super().__init__()
        self.register_buffer("taps", taps)
        self.bins = taps.shape[0] // 2

    def forward(self, frames: Tensor) -> Tensor:
        spectrum = F.conv1d(frames.unsqueeze(1), self.taps).squeeze(-1)
        return _energy(spectrum[:, : self.bins], spectrum[:, self.bins :])


class GroupedConstantQ(nn.Module):
    """Energy of each constant-Q bin, with one to three Linears for each group of neighbouring bins.

    Without a tolerance the result equals `ConstantQ`, apart from the order of summation. With a tolerance, the samples
    of a group are projected block by block if that is cheaper.

    Shape:
        - Input: (frames, frame_samples), float32
        - Output: (frames, bins), energy of at least EPS ** 2

    Args:
        taps: (2 * bins, 1, kernel samples), float32: the real parts of all bins, then the imaginary parts.
        hop_samples: Samples between frames.
        mirrored_samples: Samples at the end of the kernel that lie in the future of a chunk's last frame.
        frames_per_chunk: Frames of the largest chunk.
        tolerance: Largest norm of the error of a bin's kernel, relative to the norm of the kernel, real and imaginary
            part together. Taps that every frame multiplies with zeros do not count.
        three_stages: With a tolerance: whether groups can have three Linears, which takes fewer weights than two.

    Attributes:
        groups: The groups of bins, in order.
        group: For each of them a bias-free Linear (frames, samples) -> (frames, 2 * bins of the group); or several
            Linears: `project` from a block to its coefficients, `middle` from those of all blocks to fewer dimensions
            (with three stages), and `expand`.
        pairs: Whether the outputs of a group are the real and the imaginary part of each bin in turn, which takes fewer
            operators (with three stages); otherwise all real parts come first.
        frame_samples: Length of a frame: `lead_samples` zeros, then the samples that the stream has received.
        bin_relative_errors: (bins,), float64: the relative error of each kernel.
    """

    def __init__(
        self,
        taps: Tensor,
        hop_samples: int,
        mirrored_samples: int,
        frames_per_chunk: int,
        tolerance: float | None = None,
        three_stages: bool = False,
    ) -> None:
        super().__init__()
        self.pairs = three_stages
        if self.pairs:
            self.sum_of_pair = SumAsMatmul(2)
        # Earlier frames of a chunk include samples that are future to the last frame. Taps beyond them only meet zeros.
        self.future_samples = min(mirrored_samples, (frames_per_chunk - 1) * hop_samples)
        used_samples = taps.shape[-1] - mirrored_samples + self.future_samples
        kernels = taps.reshape(2, -1, taps.shape[-1])[..., :used_samples].transpose(0, 1).double().numpy()
        with threadpool_limits(1, "blas"):  # threads slow down matrices this small, and change the last bits
            if tolerance is not None and three_stages:
                plan = three_stage_groups(kernels, tolerance)
            elif tolerance is not None:
                plan = [
                    (group, _two_factors(kernels, group, tolerance)) for group in low_rank_groups(kernels, tolerance)
                ]
            else:
                plan = [(group, None) for group in exact_groups(kernels)]
            self.groups = [group for group, _ in plan]
            self.lead_samples = max(0, -min(group.first for group in self.groups))  # a block can begin before the frame
            self.frame_samples = self.lead_samples + used_samples
            self.group = nn.ModuleList()
            errors = []
            for group, factors in plan:
                part = samples_of(kernels, group)
                if factors:
                    self.group.append(_linears(factors, group.block_samples))
                else:
                    self.group.append(_linear(self._rows(part)))
                errors.append(_relative_errors(self.group[-1], self._rows(part), self.pairs))
            self.bin_relative_errors: Doubles = np.concatenate(errors)

    def forward(self, frames: Tensor) -> Tensor:
        real, imaginary, pairs = [], [], []
        for group, linear in zip(self.groups, self.group, strict=True):
            spectrum = linear(frames[:, self.lead_samples + group.first : self.lead_samples + group.last])
            if self.pairs:
                pairs.append(spectrum)
                continue
            real.append(spectrum[:, : group.rows // 2])
            imaginary.append(spectrum[:, group.rows // 2 :])
        if not self.pairs:
            return _energy(torch.cat(real, -1), torch.cat(imaginary, -1))
        spectrum = torch.cat(pairs, -1)
        squares = (spectrum * spectrum).reshape(-1, 2)
        energy: Tensor = self.sum_of_pair(squares).reshape(-1, self.groups[-1].stop)
        return energy.clamp(min=EPS**2)

    def _rows(self, kernels: Doubles) -> Doubles:
        """(bins, 2, samples) -> (2 * bins, samples), in the order of the outputs of a group."""
        ordered = kernels if self.pairs else kernels.transpose(1, 0, 2)
        return ordered.reshape(-1, kernels.shape[-1])


def build_frontend(
    frontend: Frontend,
    taps: Tensor,
    hop_samples: int,
    mirrored_samples: int,
    frames_per_chunk: int,
    tolerance: float = DEFAULT_FRONTEND_TOLERANCE,
) -> tuple[Framing, ConstantQ | GroupedConstantQ]:
    """Returns the framing and the front end of the given name. The framing computes the input of the front end.

    Args:
        frontend: "upstream", "grouped", "low-rank" or "three-stage".
        taps: (2 * bins, 1, kernel samples), float32: the real parts of all bins, then the imaginary parts.
        hop_samples: Samples between frames.
        mirrored_samples: Samples at the end of the kernel that lie in the future of a chunk's last frame.
        frames_per_chunk: Frames of the largest chunk.
        tolerance: Largest relative error of a bin's kernel; only for "low-rank" and "three-stage".
    """
    single = frames_per_chunk == 1
    if frontend == "upstream":
        return Framing(taps.shape[-1], hop_samples, mirrored_samples, 0, single), ConstantQ(taps)
    grouped = GroupedConstantQ(
        taps,
        hop_samples,
        mirrored_samples,
        frames_per_chunk,
        None if frontend == "grouped" else tolerance,
        three_stages=frontend == "three-stage",
    )
    framing = Framing(grouped.frame_samples, hop_samples, grouped.future_samples, grouped.lead_samples, single)
    return framing, grouped


def _energy(real: Tensor, imaginary: Tensor) -> Tensor:
    return (real * real + imaginary * imaginary).clamp(min=EPS**2)


def _two_factors(kernels: Doubles, group: Group, tolerance: float) -> Factors | None:
    """Returns the projection of each block, and what expands the coefficients of all blocks; None for a full matrix."""
    if not group.rank:
        return None
    part = samples_of(kernels, group)
    vectors = basis(part, group.block_samples, tolerance)
    blocks = part.transpose(1, 0, 2).reshape(group.rows, -1, group.block_samples)
    return Factors(vectors, None, (blocks @ vectors.T).reshape(group.rows, -1))


def _linears(factors: Factors, block_samples: int) -> nn.Sequential:
    """Returns Linears from each block to its coefficients, and from these, in one or two steps, to the spectrum."""
    stages: dict[str, nn.Module] = {
        "blocks": nn.Unflatten(-1, (-1, block_samples)),
        "project": _linear(factors.project),
        "join": nn.Flatten(-2),
    }
    if factors.middle is not None:
        stages["middle"] = _linear(factors.middle)
    return nn.Sequential(OrderedDict(stages, expand=_linear(factors.expand)))


def _linear(matrix: Doubles) -> nn.Linear:
    linear = nn.Linear(matrix.shape[1], matrix.shape[0], bias=False)
    linear.weight = nn.Parameter(torch.tensor(matrix, dtype=torch.float32), requires_grad=False)
    return linear


def _relative_errors(linear: nn.Module, rows: Doubles, pairs: bool) -> Doubles:
    """Returns (bins,): norm of the error of each kernel, divided by the norm of the kernel.

    Args:
        linear: The Linear or the Linears of a group.
        rows: (2 * bins, samples), the exact kernels of the group, in the order of its outputs.
        pairs: Whether the rows are the real and the imaginary part of each bin in turn.
    """
    if isinstance(linear, nn.Linear):
        matrix = linear.weight.double().numpy()
    else:
        weights = {name: weight.double().numpy() for name, weight in linear.named_parameters()}
        project, matrix = weights["project.weight"], weights["expand.weight"]
        if "middle.weight" in weights:
            matrix = matrix @ weights["middle.weight"]
        matrix = (matrix.reshape(len(rows), -1, len(project)) @ project).reshape(rows.shape)
    squares = np.stack((np.square(matrix - rows).sum(1), np.square(rows).sum(1)))
    error, norm = squares.reshape(2, -1, 2).sum(2) if pairs else squares.reshape(2, 2, -1).sum(1)
    errors: Doubles = np.sqrt(error / norm)
    return errors
