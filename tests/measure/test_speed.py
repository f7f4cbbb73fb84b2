"""The figures of hand-made timings; no test here looks at a clock."""

from collections.abc import Sequence

import numpy as np
import pytest

from tests.helpers.records.bench import STREAM, flat
from workbench.errors import NativeHostError
from workbench.measure.speed import ColdStart, PairTimes, Speed, summarize
from workbench.recipe.stream_config import StreamConfig


def of(baseline_ms: object, variant_ms: object, stream: StreamConfig = STREAM) -> Speed:
    times = PairTimes(np.asarray(baseline_ms, float), np.asarray(variant_ms, float))
    start = ColdStart(load_ms=30.0, cold_first_step_ms=4.0, peak_rss_bytes=300_000_000)
    return summarize(times, stream, 2, start, NativeHostError("no compiler"))


def test_percentiles_of_a_call_are_over_all_rounds() -> None:
    ms = np.random.default_rng(1).permutation(np.arange(202.0) // 2).reshape(2, 101)  # the p-th percentile is p
    figures = of(ms + 1, ms)
    assert list(figures.variant.model_dump(exclude={"null_reasons"}).values()) == pytest.approx([50, 95, 99, 100])
    assert (figures.baseline.p50_ms, figures.baseline.max_ms) == (51, 101)
    assert (figures.rounds, figures.chunks_per_round, figures.threads) == (2, 101, 2)
    assert (figures.load_ms, figures.cold_first_step_ms, figures.peak_rss_bytes) == (30, 4, 3e8)


@pytest.mark.parametrize(
    ("baseline", "variant", "speedup"),
    [
        (range(1, 12), [1] * 11, (2, 6, 10)),  # ratios 1 .. 11: the 10th percentile lies one step up, the 90th nine
        ([2, 4, 4, 40, 40], [1, 2, 2, 20, 20], (2, 2, 2)),  # the medians over all calls would give 4 / 2
        ([4, 2, 16], [2, 1, 1], (2, 2, pytest.approx(2 + 0.8 * 14))),  # by rounds 2, 2, 16; overall medians 4 and 1
    ],
)
def test_the_ratio_is_taken_in_each_round(baseline: Sequence[float], variant: Sequence[float], speedup: object) -> None:
    variant_ms = flat(variant)
    variant_ms[0, 3] = 500  # one slow call does not move the median of its round
    figures = of(flat(baseline), variant_ms)
    assert (figures.speedup_low, figures.speedup_p50, figures.speedup_high) == speedup


@pytest.mark.parametrize("stream", [STREAM, StreamConfig(16_000, 160, 2, 0.0)], ids=["one frame", "two frames"])
def test_deadline_and_real_time_factor_are_by_the_period(stream: StreamConfig) -> None:
    figures = of(np.full((2, 5), 100.0), [[20.0, 20.001, 5, 5, 5], [1, 1, 5, 5, 21]], stream)
    assert (figures.chunk_ms, figures.real_time_factor, figures.deadline_miss_rate) == (20.0, 0.25, 0.2)
