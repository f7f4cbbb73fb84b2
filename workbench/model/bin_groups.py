"""How the bins of the constant-Q transform are grouped: the cheapest partition, found by cost.

A group of neighbouring bins is one matrix over the samples that any of its kernels touches. Few groups multiply many
zeros, many groups pay for starting many operators. Within a tolerance there is a far cheaper form: a block of samples
holds less than it could, as the kernels of a group are all of low frequency, so that every block is first replaced by a
few coefficients, the same way for all blocks of a group.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

# What XNNPACK takes for the operators of a group, as the multiply-adds of one frame that a Linear does in that time.
# Measured with one thread on a busy AMD EPYC (AVX-512), executorch 1.4.1, frames of 4576 samples: 0.3, 1.2 and 2.3 M
# weights in one group take 39, 114 and 219 us (fastest of 480 runs), so a thousand multiply-adds 0.09 us; the fronts
# that this search finds with 5, 11 and 24 groups (1.29, 1.22, 1.18 M weights) take 137, 126 and 133 us (fastest tenth
# of 400). The last step makes it 0.5 to 1 us for a group, its Linear and three slices: 6,000 to 11,000 multiply-adds.
# But the optimum is flat, and fewer weights are fewer bytes: costs of 6,000, 2,000 and 1,000 give 11, 18 and 28 groups,
# 4.89, 4.80 and 4.75 MB, and 123, 127 and 138 us on an EPYC without AVX-512 (fastest of 600). 2,000 takes the bytes.
GROUP_COST = 2_000
PROJECTION_COST = 2_000  # of a second Linear in the group: a guess
# Groups start at multiples of so many bins: their real and imaginary parts fill the lanes of an AVX-512 register, which
# a Linear computes at once. Between, a group only pads more.
STEP_BINS = 8
BLOCK_SAMPLES = (16, 32, 64, 128)  # longer ones take longer to weigh; none was tried


@dataclass(frozen=True)
class Group:
    """Bins `start` to `stop`, and the samples `first` to `last` that they are computed from; ends exclusive.

    With a `rank`, the samples are whole blocks of `block_samples`, counted back from the end of the frame, each of
    which is replaced by `rank` coefficients; `first` may be negative then.
    """

    start: int
    stop: int
    first: int
    last: int
    block_samples: int = 0
    rank: int = 0

    @property
    def rows(self) -> int:
        """Outputs: the real and the imaginary part of each bin."""
        return 2 * (self.stop - self.start)

    @property
    def cost(self) -> int:
        """Multiply-adds for one frame, its operators' fixed share included."""
        samples = self.last - self.first
        if not self.rank:
            return GROUP_COST + self.rows * samples
        coefficients = samples // self.block_samples * self.rank
        return GROUP_COST + PROJECTION_COST + samples * self.rank + self.rows * coefficients


def exact_groups(kernels: Doubles) -> list[Group]:
    """The cheapest groups of full matrices for kernels (bins, 2, samples), real and imaginary part of each bin."""
    touched = _support(kernels)
    return _cheapest_partition(len(kernels), lambda start, stop: _full(touched, start, stop))


def low_rank_groups(kernels: Doubles, tolerance: float) -> list[Group]:
    """The cheapest groups of full and of block-wise projected matrices for kernels (bins, 2, samples).

    The rank of a group keeps the errors of its bins' kernels, each relative to its norm and squared, below
    `tolerance` squared in sum, and so each of them below `tolerance`.
    """
    touched = _support(kernels)
    end = kernels.shape[-1]
    ranks = {block: _ranks(kernels, block, tolerance) for block in BLOCK_SAMPLES}

    def best(start: int, stop: int) -> Group:
        full = _full(touched, start, stop)
        choices = [full]
        for block, rank in ranks.items():
            first = end - -(-(end - full.first) // block) * block
            last = end - (end - full.last) // block * block
            choices.append(Group(start, stop, first, last, block, rank(start, stop)))
        return min(choices, key=lambda group: group.cost)

    return _cheapest_partition(len(kernels), best)


def basis(kernels: Doubles, block_samples: int, tolerance: float) -> Doubles:
    """(rank, block): the fewest orthonormal vectors that hold the blocks of all kernels (bins, 2, samples).

    What they leave out of the kernels, each over its norm, is at most `tolerance` squared in sum. They are the leading
    eigenvectors of the blocks' covariance, the best there are at a rank (Eckart and Young, 1936).
    """
    blocks = _blocks(kernels, block_samples).reshape(-1, block_samples)
    energies, vectors = np.linalg.eigh(blocks.T @ blocks)  # ascending
    kept: Doubles = vectors.T[energies.clip(0).cumsum() > tolerance**2][::-1].copy()
    return kept


def _ranks(kernels: Doubles, block_samples: int, tolerance: float) -> Callable[[int, int], int]:
    """Bins start..stop -> how many vectors `basis` would need for them.

    Covariances add up over bins, and need only be as large as a basis of all bins, finer than the tolerance.
    """
    finer = basis(kernels, block_samples, tolerance / 10)
    coefficients = _blocks(kernels, block_samples) @ finer.T
    covariances = np.zeros((len(kernels) + 1, len(finer), len(finer)))
    np.cumsum(coefficients.transpose(0, 2, 1) @ coefficients, 0, out=covariances[1:])

    def rank(start: int, stop: int) -> int:
        left_out = np.linalg.eigvalsh(covariances[stop] - covariances[start]).clip(0).cumsum()
        return int((left_out > 0.99 * tolerance**2).sum())  # the finer basis may have left out the hundredth

    return rank


def _blocks(kernels: Doubles, block_samples: int) -> Doubles:
    """Kernels (bins, 2, samples), over their norms -> (bins, blocks, block), counted back from the end.

    Over the norms, so that a bin that is quiet beside a loud one is as near to the truth, relative to itself.
    """
    unit = kernels / np.sqrt(np.square(kernels).sum((1, 2), keepdims=True))
    missing = -kernels.shape[-1] % block_samples
    return np.pad(unit, ((0, 0), (0, 0), (missing, 0))).reshape(len(kernels), -1, block_samples)


def _support(kernels: Doubles) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """(bins,) first sample that each kernel touches, and the one after the last."""
    touched = (kernels != 0).any(1)
    return touched.argmax(1), touched.shape[1] - touched[:, ::-1].argmax(1)


def _full(touched: tuple[NDArray[np.intp], NDArray[np.intp]], start: int, stop: int) -> Group:
    first, last = touched
    return Group(start, stop, int(first[start:stop].min()), int(last[start:stop].max()))


def _cheapest_partition(bins: int, group: Callable[[int, int], Group]) -> list[Group]:
    """The partition of the bins into contiguous groups whose costs add up to the least, by dynamic programming."""
    edges = [*range(0, max(bins - STEP_BINS // 2, 1), STEP_BINS), bins]
    partitions: list[Sequence[Group]] = [()]  # the cheapest up to each edge
    totals = [0]
    for at, stop in enumerate(edges[1:], start=1):
        last = [group(start, stop) for start in edges[:at]]
        costs = [total + candidate.cost for total, candidate in zip(totals, last, strict=True)]
        before = int(np.argmin(costs))
        totals.append(costs[before])
        partitions.append((*partitions[before], last[before]))
    return list(partitions[-1])
