"""Groups of bins whose kernels are products of three matrices: for each block, for all blocks, and for the bins.

The first matrix projects each block of samples on a few vectors, as in `bin_groups.py`. What is left is still
redundant: the kernels of neighbouring bins overlap in frequency, so the coefficients of all blocks need far fewer
dimensions than they have. The second matrix projects them on these dimensions (a truncated singular value
decomposition), and the third expands them to the real and the imaginary part of each bin.

Two errors of a kernel add up in squares, because they are orthogonal: what the first projection omits is outside of the
span of its vectors, and what the second omits is inside. Each bin's sum is checked.
"""

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from workbench.model.bin_groups import (
    Doubles,
    Group,
    cheapest_partition,
    full_group,
    omitted_energies,
    samples_of,
    support_of,
    unit_blocks,
)

# Costs in bytes. An operator takes 190 bytes of the delegate's graph, the weights of a Linear a key of 64 digits. Time
# counts as bytes: in a program of 400 kB and 200 us, one percent of either is 4 kB or 2 us. One thread of an Intel Xeon
# with AVX-512 runs 40 multiply-adds in a nanosecond, and takes 0.25 us for an operator, however small.
BYTES_OF_WEIGHT = 4
BYTES_OF_LINEAR = 150
BYTES_OF_MICROSECOND = 2_000
BYTES_OF_OPERATOR = 190 + BYTES_OF_MICROSECOND / 4
BYTES_OF_MULTIPLY_ADD = BYTES_OF_MICROSECOND / 40_000

BLOCK_SAMPLES = (32, 64, 128)  # 256 was not chosen at 48 kHz
LARGEST_GROUP = 128  # bins; larger groups take long to search
_SHARES = (0.1, 0.25, 0.5)  # of the squared tolerance, for what the projection of the blocks omits
_MEAN_OF_LARGEST = 0.4  # squared error of a group's bins on average, if the largest is 1: an estimate for the search
_REWEIGHTINGS = 3


class Factors(NamedTuple):
    """The matrices of a group, in the order in which they are applied.

    `project` is (rank, block_samples). `middle` is (middle_rank, blocks * rank), or None if there are only two.
    `expand` is (rows, middle_rank) or (rows, blocks * rank).
    """

    project: Doubles
    middle: Doubles | None
    expand: Doubles


@dataclass(frozen=True)
class _Candidate:
    """A group that may be part of the cheapest partition."""

    group: Group

    @property
    def cost(self) -> float:
        """Bytes, with time converted into bytes."""
        group = self.group
        if group.stop - group.start > LARGEST_GROUP:
            return math.inf
        samples = group.last - group.first
        if not group.rank:
            return _cost(group.rows * samples, group.rows * samples, linears=1)
        coefficients = samples // group.block_samples * group.rank
        expanded = group.middle_rank or coefficients
        shared = coefficients * group.middle_rank + expanded * group.rows
        return _cost(
            group.block_samples * group.rank + shared, samples * group.rank + shared, 3 if group.middle_rank else 2
        )


def three_stage_groups(kernels: Doubles, tolerance: float) -> list[tuple[Group, Factors | None]]:
    """Returns the cheapest partition into products of three matrices, of two, and full matrices.

    Args:
        kernels: (bins, 2, samples), the real and the imaginary part of each bin's kernel.
        tolerance: Largest norm of a kernel's error, relative to the norm of the kernel.

    Returns:
        The groups in order, each with its factors; None for a full matrix. The rows of `expand` are the real and the
        imaginary part of each bin in turn.
    """
    support, end = support_of(kernels), kernels.shape[-1]
    unit = unit_blocks(kernels, end).reshape(2 * len(kernels), end)
    gram = unit @ unit.T  # rows: the real and the imaginary part of each bin in turn
    omitted = {block: omitted_energies(kernels, block, tolerance) for block in BLOCK_SAMPLES}

    def cheapest_group(start: int, stop: int) -> _Candidate:
        full = full_group(support, start, stop)
        candidates = [_Candidate(full)]
        if stop - start <= LARGEST_GROUP:
            limit = _MEAN_OF_LARGEST * (stop - start) * tolerance**2
            dimensions = np.linalg.eigvalsh(gram[2 * start : 2 * stop, 2 * start : 2 * stop]).clip(0).cumsum()
            for block, energies in omitted.items():
                first = end - math.ceil((end - full.first) / block) * block
                last = end - (end - full.last) // block * block
                omitted_by_rank = energies(start, stop)
                for share in (*_SHARES, 1.0):
                    rank = int((omitted_by_rank > share * limit).sum())
                    middle_rank = int((dimensions > (1 - share) * limit).sum()) if share < 1 else 0
                    candidates.append(_Candidate(Group(start, stop, first, last, block, rank, middle_rank)))
        return min(candidates, key=lambda candidate: candidate.cost)

    chosen = [candidate.group for candidate in cheapest_partition(len(kernels), cheapest_group)]
    return [_factored(kernels, group, 0.999 * tolerance) if group.rank else (group, None) for group in chosen]


def _cost(weights: int, multiply_adds: int, linears: int) -> float:
    operators = 1 + linears + 2 * (linears > 1)  # a slice before, and reshapes around the projection
    return (
        BYTES_OF_WEIGHT * weights
        + BYTES_OF_LINEAR * linears
        + BYTES_OF_OPERATOR * operators
        + BYTES_OF_MULTIPLY_ADD * multiply_adds
    )


def _factored(kernels: Doubles, group: Group, tolerance: float) -> tuple[Group, Factors]:
    """Returns the group with the ranks that keep each of its bins within the tolerance, and its factors."""
    part = samples_of(kernels, group)
    norms = np.sqrt(np.square(part).sum((1, 2)))
    blocks = (part / norms[:, None, None]).reshape(len(part), -1, group.block_samples)
    results = []
    for share in _SHARES if group.middle_rank else (1.0,):
        project, error = _fewest_vectors(blocks, np.full(len(part), share * tolerance**2))
        coefficients = (blocks @ project.T).reshape(len(part), 2, -1)
        middle = None
        if group.middle_rank:
            middle, _ = _fewest_vectors(coefficients, tolerance**2 - error)
            coefficients = coefficients @ middle.T
        expand = (coefficients * norms[:, None, None]).reshape(group.rows, -1)
        sizes = replace(group, rank=len(project), middle_rank=0 if middle is None else len(middle))
        results.append((sizes, Factors(project, middle, expand)))
    return min(results, key=lambda result: _Candidate(result[0]).cost)


def _fewest_vectors(rows: Doubles, limits: Doubles) -> tuple[Doubles, Doubles]:
    """Returns few orthonormal vectors that represent the rows of each bin within the bin's limit.

    For a sum over the bins the best vectors are the leading singular vectors. Here each bin has a limit, so the bins
    that reach theirs last get a larger weight, and the search is repeated.

    Args:
        rows: (bins, rows of a bin, dimensions).
        limits: (bins,): the largest squared norm of what a bin's rows may lose.

    Returns:
        The vectors, (rank, dimensions), and what each bin loses, (bins,).
    """
    bins = len(rows)
    flat = rows.reshape(-1, rows.shape[-1])
    axes = np.eye(flat.shape[1])
    if len(flat) < flat.shape[1]:  # no more dimensions than rows: the other ones are empty
        axes = np.linalg.qr(flat.T).Q.T
        flat = flat @ axes.T
    coordinates = flat.reshape(bins, -1, len(axes))
    weights = np.ones(bins)
    best: tuple[Doubles, Doubles] | None = None
    for _ in range(1 + _REWEIGHTINGS):
        weighted = (coordinates * weights[:, None, None]).reshape(-1, len(axes))
        _, vectors = np.linalg.eigh(weighted.T @ weighted)
        vectors = vectors[:, ::-1]
        kept = np.square(coordinates @ vectors).sum(1).cumsum(1)
        lost = (kept[:, -1:] - kept).clip(0)
        rank = 1 + int((lost > limits[:, None]).any(0).sum())
        if best is None or rank < len(best[0]):
            best = vectors[:, :rank].T @ axes, lost[:, rank - 1]
        weights *= (lost[:, max(rank - 2, 0)] / limits).clip(1e-2) ** 0.25
    assert best is not None
    return best
