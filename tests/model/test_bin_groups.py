"""The partition of bins into groups is the cheapest one."""

from itertools import combinations, pairwise

import numpy as np
import pytest

from tests.helpers.models.kernels import sinusoids
from workbench.model import bin_groups
from workbench.model.bin_groups import Group, basis, exact_groups, low_rank_groups


@pytest.mark.parametrize("tolerance", [None, 1e-3])
def test_partition_is_the_cheapest_of_all(tolerance: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compared with every partition at the edges; each group costs what the search finds for it as the only group."""
    monkeypatch.setattr(bin_groups, "BLOCK_SAMPLES", (16, 32))  # to be quick
    kernels = sinusoids(52, 2000).reshape(2, 52, 2000).transpose(0, 1).double().numpy()

    def groups(start: int, stop: int) -> list[Group]:
        part = kernels[start:stop]
        return exact_groups(part) if tolerance is None else low_rank_groups(part, tolerance)

    def cost_as_one_group(start: int, stop: int) -> float:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(bin_groups, "cheapest_partition", lambda bins, group: [group(0, bins)])
            (group,) = groups(start, stop)
        return group.cost

    edges = [0, 8, 16, 24, 32, 40, 52]
    costs = {pair: cost_as_one_group(*pair) for pair in combinations(edges, 2)}
    totals = [
        sum(costs[pair] for pair in pairwise([0, *cuts, 52]))
        for count in range(len(edges) - 1)
        for cuts in combinations(edges[1:-1], count)
    ]
    found = groups(0, 52)
    assert 1 < len(found) <= 6
    assert [group.start for group in found[1:]] == [group.stop for group in found[:-1]]
    assert sum(group.cost for group in found) == min(totals) < totals[0]


@pytest.mark.parametrize("tolerance", [1e-1, 1e-3])
def test_basis_is_orthonormal_and_within_tolerance(tolerance: float) -> None:
    kernels = sinusoids(8, 1000).reshape(2, 8, 1000).transpose(0, 1).double().numpy()
    vectors = basis(kernels, 64, tolerance)
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(len(vectors)), atol=1e-9)
    blocks = np.pad(kernels, ((0, 0), (0, 0), (-1000 % 64, 0))).reshape(8, -1, 64)
    omitted = np.square(blocks - blocks @ vectors.T @ vectors).sum((1, 2)) / np.square(kernels).sum((1, 2))
    assert omitted.sum() <= tolerance**2 * (1 + 1e-6)
    assert len(vectors) < 64
