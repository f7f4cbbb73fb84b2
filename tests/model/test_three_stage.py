"""The factors of the three-stage front end, multiplied in float64."""

import numpy as np
import pytest

from tests.helpers.models.kernels import upstream_kernels
from workbench.model.bin_groups import samples_of
from workbench.model.three_stage import three_stage_groups
from workbench.recipe.stream_config import StreamConfig


@pytest.mark.parametrize("tolerance", [1e-2, 1e-5])
def test_each_bin_is_within_tolerance_with_few_weights(tolerance: float) -> None:
    kernels = upstream_kernels(StreamConfig(16_000, 320, 1, 0.0)).taps[:, 0].reshape(2, 251, -1)
    kernels = kernels.transpose(0, 1).double().numpy()[..., 1:]  # no whole number of blocks
    kernels[17] *= 1e-4  # a quiet bin has the same relative error
    plan = three_stage_groups(kernels, tolerance)
    weights = 0
    assert [group.start for group, _ in plan] == [0, *(group.stop for group, _ in plan)][:-1]
    assert plan[-1][0].stop == 251
    assert any(group.middle_rank for group, _ in plan)
    for group, factors in plan:
        if factors is None:
            weights += group.rows * (group.last - group.first)
            continue
        expand = factors.expand if factors.middle is None else factors.expand @ factors.middle
        product = expand.reshape(group.rows, -1, group.rank) @ factors.project
        part = samples_of(kernels, group)
        difference = product.reshape(part.shape) - part
        errors = np.sqrt(np.square(difference).sum((1, 2)) / np.square(part).sum((1, 2)))
        assert errors.max() <= tolerance
        assert errors.max() > tolerance / 10 or len(part) < 16  # no rank is wasted
        weights += sum(matrix.size for matrix in factors if matrix is not None)
    assert weights < kernels.size / 6
