"""How calls of several frames are timed."""

import pytest

from workbench.measure.speed import TimingPlan
from workbench.workflows.variant.score.call_sizes import plan_of_size


@pytest.mark.parametrize(("size", "timed", "untimed"), [(1, 25, 8), (3, 8, 3), (4, 6, 2), (32, 2, 2)])
def test_longer_calls_need_fewer_of_them(size: int, timed: int, untimed: int) -> None:
    plan = TimingPlan(threads=1, rounds=20, chunks_per_round=25, warmup_chunks=20)
    assert plan_of_size(plan, size) == TimingPlan(1, 10, timed, 3, untimed)
