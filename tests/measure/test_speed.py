"""The figures of hand-made timings; no test here looks at a clock."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.bench import STREAM, flat
from workbench.measure.speed import ColdStart, PairTimes, Speed, summarize
from workbench.recipe.stream_config import StreamConfig

START = ColdStart(load_ms=30.0, cold_first_step_ms=4.0, peak_rss_bytes=300_000_000)


def of(baseline_ms: object, variant_ms: object, stream: StreamConfig = STREAM) -> Speed:
    return summarize(PairTimes(np.asarray(baseline_ms, float), np.asarray(variant_ms, float)), stream, 2, START)


def test_percentiles_of_a_call_are_over_all_rounds() -> None:
    # 0 .. 100 ms dealt out over the rounds: the p-th percentile is p
    ms = np.arange(101.0)[None]
    figures = of(ms + 1, ms)
    assert figures.variant.model_dump(exclude={"null_reasons"}) == {
        "p50_ms": 50,
        "p95_ms": pytest.approx(95),
        "p99_ms": pytest.approx(99),
        "max_ms": 100,
    }
    assert (figures.baseline.p50_ms, figures.baseline.max_ms) == (51, 101)
    shuffled = np.random.default_rng(1).permutation(np.arange(1.0, 101)).reshape(10, 10)
    figures = of(shuffled, shuffled)
    assert (figures.rounds, figures.chunks_per_round, figures.variant.p50_ms) == (10, 10, 50.5)


@pytest.mark.parametrize(
    ("baseline", "variant", "speedup"),
    [
        (range(1, 12), [1] * 11, (2, 6, 10)),  # ratios 1 .. 11: the 10th percentile lies one step up, the 90th nine
        ([2, 4, 4, 40, 40], [1, 2, 2, 20, 20], (2, 2, 2)),  # the medians over all calls would give 4 / 2
        ([4, 2, 16], [2, 1, 1], (2, 2, pytest.approx(2 + 0.8 * 14))),  # by rounds 2, 2, 16; overall medians 4 and 1
    ],
)
def test_the_ratio_is_taken_in_each_round(baseline: Sequence[float], variant: Sequence[float], speedup: object) -> None:
    figures = of(flat(baseline), flat(variant))
    assert (figures.speedup_low, figures.speedup_p50, figures.speedup_high) == speedup


def test_a_slow_call_in_a_round_does_not_move_its_ratio() -> None:
    baseline, variant = flat([4, 4, 4]), flat([2, 2, 2])
    variant[1, 3] = 500
    figures = of(baseline, variant)
    assert (figures.speedup_low, figures.speedup_high, figures.variant.max_ms) == (2, 2, 500)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0.1, 10), min_size=3, max_size=12), st.floats(0.5, 8))
def test_a_drift_that_both_sides_share_cancels_out(drift: list[float], speedup: float) -> None:
    pattern = np.array([1.0, 1.25, 0.75, 3.0, 1.0])
    machine = np.array(drift)[:, None]
    figures = of(speedup * pattern * machine, pattern * machine)
    assert (figures.speedup_low, figures.speedup_p50, figures.speedup_high) == pytest.approx([speedup] * 3)


def test_a_deadline_is_missed_by_a_longer_call_of_the_variant() -> None:
    assert of(np.full((2, 5), 100.0), [[20.0, 20.001, 1, 1, 1], [1, 1, 1, 1, 21]]).deadline_miss_rate == 0.2


@pytest.mark.parametrize("stream", [STREAM, StreamConfig(16_000, 160, 2, 0.0)], ids=["one frame", "two frames"])
def test_the_real_time_factor_is_the_median_call_by_the_period(stream: StreamConfig) -> None:
    figures = of(flat([8, 8]), flat([5, 5]), stream)
    assert (figures.chunk_ms, figures.real_time_factor) == (20.0, 0.25)


def test_the_cold_start_is_passed_on() -> None:
    figures = of(flat([2]), flat([1]))
    assert (figures.threads, figures.load_ms, figures.cold_first_step_ms, figures.peak_rss_bytes) == (2, 30, 4, 3e8)
