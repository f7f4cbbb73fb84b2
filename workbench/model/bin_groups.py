"""How the bins of the constant-Q transform are grouped: the cheapest partition, found by dynamic programming.

A group of neighbouring bins is one matrix over all samples that any of its kernels touches. With few groups, many
multiplications are by zero. With many groups, the fixed cost of many operators adds up.

If a small error is allowed, a group can be much cheaper. Its kernels have low frequencies compared with the sample
rate, so a short block of a kernel has fewer degrees of freedom than samples. Each block of samples is therefore first
projected on a few coefficients, with the same projection for all blocks of a group.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

# Fixed cost of a group: the time that XNNPACK takes to run its operators, expressed as the number of multiply-adds that
# a Linear computes in the same time. Measured with one thread on a busy AMD EPYC (AVX-512), executorch 1.4.1, frames of
# 4576 samples:
# - 0.3, 1.2 and 2.3 M weights in one group take 39, 114 and 219 us (fastest of 480 runs): 0.09 us for a thousand
#   multiply-adds.
# - Partitions of 5, 11 and 24 groups (1.29, 1.22 and 1.18 M weights) take 137, 126 and 133 us (fastest tenth of 400):
#   a group with its Linear and three slices takes 0.5 to 1 us, the time of 6,000 to 11,000 multiply-adds.
# The optimum is flat, and fewer weights are fewer bytes: costs of 6,000, 2,000 and 1,000 give 11, 18 and 28 groups,
# 4.89, 4.80 and 4.75 MB, and 123, 127 and 138 us on an EPYC without AVX-512 (fastest of 600). 2,000 saves bytes.
GROUP_COST = 2_000
PROJECTION_COST = 2_000  # the same for the second Linear of a projected group; not measured
# Groups start at multiples of this many bins. The real and imaginary parts of 8 bins fill the 16 lanes of an AVX-512
# register, which a Linear computes at once; groups between such edges would only pad more.
STEP_BINS = 8
BLOCK_SAMPLES = (16, 32, 64, 128)  # longer blocks take longer to search; none was tried


@dataclass(frozen=True)
class Group:
    """A range of bins and the samples of a frame that they are computed from.

    Attributes:
        start: First bin.
        stop: The bin after the last.
        first: First sample of the frame. It can be negative if rank > 0, because a block can begin before the frame.
        last: The sample after the last.
        block_samples: Length of the blocks that are projected, counted back from the end of the frame; 0 if rank is 0.
        rank: Coefficients that replace a block; 0 for a full matrix.
        middle_rank: Dimensions that replace the coefficients of all blocks; 0 if they are expanded directly.
    """

    start: int
    stop: int
    first: int
    last: int
    block_samples: int = 0
    rank: int = 0
    middle_rank: int = 0

    @property
    def rows(self) -> int:
        """Outputs: the real and the imaginary part of each bin."""
        return 2 * (self.stop - self.start)

    @property
    def cost(self) -> int:
        """Multiply-adds of one frame, plus the fixed cost of the group's operators."""
        samples = self.last - self.first
        if not self.rank:
            return GROUP_COST + self.rows * samples
        coefficients = samples // self.block_samples * self.rank
        return GROUP_COST + PROJECTION_COST + samples * self.rank + self.rows * coefficients


def exact_groups(kernels: Doubles) -> list[Group]:
    """Returns the cheapest partition into full matrices.

    Args:
        kernels: (bins, 2, samples), the real and the imaginary part of each bin's kernel.
    """
    support = support_of(kernels)
    return cheapest_partition(len(kernels), lambda start, stop: full_group(support, start, stop))


def low_rank_groups(kernels: Doubles, tolerance: float) -> list[Group]:
    """Returns the cheapest partition into full and block-wise projected matrices.

    Args:
        kernels: (bins, 2, samples), the real and the imaginary part of each bin's kernel.
        tolerance: Largest norm of a kernel's error, relative to the norm of the kernel. The squared relative errors of
            a group add up to at most tolerance**2, so the error of each bin is within the tolerance too.
    """
    support = support_of(kernels)
    end = kernels.shape[-1]
    ranks = {block: _ranks(kernels, block, tolerance) for block in BLOCK_SAMPLES}

    def cheapest_group(start: int, stop: int) -> Group:
        full = full_group(support, start, stop)
        candidates = [full]
        for block, rank in ranks.items():
            first = end - math.ceil((end - full.first) / block) * block
            last = end - (end - full.last) // block * block
            candidates.append(Group(start, stop, first, last, block, rank(start, stop)))
        return min(candidates, key=lambda group: group.cost)

    return cheapest_partition(len(kernels), cheapest_group)


def basis(kernels: Doubles, block_samples: int, tolerance: float) -> Doubles:
    """Returns the fewest orthonormal vectors that represent the blocks of all kernels within the tolerance.

    The vectors are the leading eigenvectors of the blocks' covariance, the best ones of any given number (Eckart and
    Young, "The approximation of one matrix by another of lower rank", 1936).

    Args:
        kernels: (bins, 2, samples), the real and the imaginary part of each bin's kernel.
        block_samples: Length of a block; blocks are counted back from the end of the kernels.
        tolerance: The squared errors of the kernels, each relative to its norm, add up to at most tolerance**2.

    Returns:
        (rank, block_samples), in descending order of energy.
    """
    blocks = unit_blocks(kernels, block_samples).reshape(-1, block_samples)
    energies, vectors = np.linalg.eigh(blocks.T @ blocks)  # ascending
    kept: Doubles = vectors.T[energies.clip(0).cumsum() > tolerance**2][::-1].copy()
    return kept


def _ranks(kernels: Doubles, block_samples: int, tolerance: float) -> Callable[[int, int], int]:
    """Returns a function (start, stop) -> number of vectors that `basis` needs for the bins from start to stop."""
    omitted = omitted_energies(kernels, block_samples, tolerance)

    def rank(start: int, stop: int) -> int:
        return int((omitted(start, stop) > 0.99 * tolerance**2).sum())  # the finer basis can omit 1 % of tolerance**2

    return rank


def omitted_energies(kernels: Doubles, block_samples: int, tolerance: float) -> Callable[[int, int], Doubles]:
    """Returns a function of the bins (start, stop): the energy that is omitted without one vector, without two, ...

    The vectors are those of `basis`, from the weakest. The energies are those of all bins together, for kernels of
    norm 1.

    The covariance of a group is the sum of the covariances of its bins, so a cumulative sum over the bins gives it for
    any group. To keep the matrices small, they are in the coordinates of a basis of all bins, which is computed with a
    tenth of the tolerance.
    """
    finer = basis(kernels, block_samples, tolerance / 10)
    coefficients = unit_blocks(kernels, block_samples) @ finer.T
    covariances = np.zeros((len(kernels) + 1, len(finer), len(finer)))
    np.cumsum(coefficients.transpose(0, 2, 1) @ coefficients, 0, out=covariances[1:])

    def omitted(start: int, stop: int) -> Doubles:
        energies: Doubles = np.linalg.eigvalsh(covariances[stop] - covariances[start]).clip(0).cumsum()
        return energies

    return omitted


def unit_blocks(kernels: Doubles, block_samples: int) -> Doubles:
    """Divides each kernel (bins, 2, samples) by its norm and cuts it into blocks, counted back from its end.

    Returns (bins, blocks, block_samples); the blocks of the real part come first.

    The division makes errors relative: a bin with small taps is approximated as well as one with large taps.
    """
    unit = kernels / np.sqrt(np.square(kernels).sum((1, 2), keepdims=True))
    missing = -kernels.shape[-1] % block_samples  # up to the next multiple of a block
    return np.pad(unit, ((0, 0), (0, 0), (missing, 0))).reshape(len(kernels), -1, block_samples)


def samples_of(kernels: Doubles, group: Group) -> Doubles:
    """Returns the kernels of a group, (bins of the group, 2, samples of the group); zeros before the frame."""
    part = kernels[group.start : group.stop, :, max(group.first, 0) : group.last]
    return np.pad(part, ((0, 0), (0, 0), (max(-group.first, 0), 0)))


def support_of(kernels: Doubles) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Returns the first sample that each kernel touches, and the one after the last; (bins,) each."""
    touched = (kernels != 0).any(1)
    return touched.argmax(1), touched.shape[1] - touched[:, ::-1].argmax(1)


def full_group(support: tuple[NDArray[np.intp], NDArray[np.intp]], start: int, stop: int) -> Group:
    first, last = support
    return Group(start, stop, int(first[start:stop].min()), int(last[start:stop].max()))


class _Costed(Protocol):
    @property
    def cost(self) -> float: ...


CostedGroup = TypeVar("CostedGroup", bound=_Costed)


def cheapest_partition(bins: int, group: Callable[[int, int], CostedGroup]) -> list[CostedGroup]:
    """Returns the partition of the bins into contiguous groups with the least total cost."""
    edges = [*range(0, max(bins - STEP_BINS // 2, 1), STEP_BINS), bins]
    partitions: list[Sequence[CostedGroup]] = [()]  # the cheapest one up to each edge
    totals: list[float] = [0]
    for index, stop in enumerate(edges[1:], start=1):
        last_groups = [group(start, stop) for start in edges[:index]]
        costs = [total + last.cost for total, last in zip(totals, last_groups, strict=True)]
        best = int(np.argmin(costs))
        totals.append(costs[best])
        partitions.append((*partitions[best], last_groups[best]))
    return list(partitions[-1])
