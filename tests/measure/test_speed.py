"""The figures of hand-made timings; no test here looks at a clock."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.measure.speed import ColdStart, PairTimes, Speed, summarize
from workbench.recipe.stream_config import StreamConfig

STREAM = StreamConfig(sample_rate_hz=48000, hop_samples=960, frames_per_chunk=1, mirror=1.0)  # a call every 20 ms
START = ColdStart(load_ms=30.0, cold_first_step_ms=4.0, peak_rss_bytes=300_000_000)


def of(baseline_ms: object, variant_ms: object, stream: StreamConfig = STREAM) -> Speed:
    return summarize(PairTimes(np.asarray(baseline_ms, float), np.asarray(variant_ms, float)), stream, 2, START)


def flat(round_ms: object) -> np.ndarray:
    """Rounds of five equal calls."""
    return np.repeat(np.asarray(round_ms, float)[:, None], 5, axis=1)


def test_percentiles_of_a_call_are_over_all_rounds() -> None:
    # 0 .. 100 ms dealt out over the rounds: the p-th percentile is p
    ms = np.arange(101.0)
    figures = of(ms[None] + 1, ms.reshape(1, -1))
    assert figures.variant.model_dump(exclude={"null_reasons"}) == {
        "p50_ms": 50,
        "p95_ms": pytest.approx(95),
        "p99_ms": pytest.approx(99),
        "max_ms": 100,
    }
    assert figures.baseline.p50_ms == 51 and figures.baseline.max_ms == 101
    assert (figures.rounds, figures.chunks_per_round) == (1, 101)
    shuffled = np.random.default_rng(1).permutation(np.arange(1.0, 101)).reshape(10, 10)
    assert of(shuffled, shuffled).variant.p50_ms == 50.5
    assert (of(shuffled, shuffled).rounds, of(shuffled, shuffled).chunks_per_round) == (10, 10)


def test_the_ratio_is_taken_in_each_round() -> None:
    # ratios 1 .. 11: the 10th percentile lies one step up, the 90th nine
    figures = of(flat(range(1, 12)), flat([1] * 11))
    assert (figures.speedup_low, figures.speedup_p50, figures.speedup_high) == (2, 6, 10)
    # a ratio of 2 in every round, though the medians over all calls would give 4 / 1
    uneven = of(flat([2, 4, 4, 40, 40]), flat([1, 2, 2, 20, 20]))
    assert (uneven.speedup_low, uneven.speedup_p50, uneven.speedup_high) == (2, 2, 2)


def test_rounds_are_paired() -> None:
    # ratios 2, 2 and 16 by rounds; the sides' overall medians are 4 and 2
    figures = of(flat([4, 2, 16]), flat([2, 1, 1]))
    assert (figures.speedup_p50, figures.baseline.p50_ms, figures.variant.p50_ms) == (2, 4, 1)
    assert figures.speedup_high == pytest.approx(2 + 0.8 * 14)


def test_a_slow_call_in_a_round_does_not_move_its_ratio() -> None:
    baseline, variant = flat([4, 4, 4]), flat([2, 2, 2])
    variant[1, 3] = 500
    figures = of(baseline, variant)
    assert (figures.speedup_low, figures.speedup_high) == (2, 2)
    assert figures.variant.max_ms == 500


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0.1, 10), min_size=3, max_size=12), st.floats(0.5, 8))
def test_a_drift_that_both_sides_share_cancels_out(drift: list[float], speedup: float) -> None:
    pattern = np.array([1.0, 1.25, 0.75, 3.0, 1.0])
    machine = np.array(drift)[:, None]
    figures = of(speedup * pattern * machine, pattern * machine)
    assert (figures.speedup_low, figures.speedup_p50, figures.speedup_high) == pytest.approx([speedup] * 3)


def test_deadlines_are_the_variants_and_missed_by_taking_longer() -> None:
    variant = [[20.0, 20.001, 1, 1, 1], [1, 1, 1, 1, 21]]
    figures = of(np.full((2, 5), 100.0), variant)
    assert figures.deadline_miss_rate == 0.2


def test_the_real_time_factor_is_the_median_call_by_the_period() -> None:
    assert of(flat([8, 8]), flat([5, 5])).real_time_factor == 0.25
    two_frames = StreamConfig(sample_rate_hz=16000, hop_samples=160, frames_per_chunk=2, mirror=0.0)
    figures = of(flat([8, 8]), flat([5, 5]), two_frames)
    assert (figures.chunk_ms, figures.real_time_factor) == (20.0, 0.25)


def test_the_cold_start_is_passed_on() -> None:
    figures = of(flat([2]), flat([1]))
    assert (figures.threads, figures.load_ms, figures.cold_first_step_ms, figures.peak_rss_bytes) == (2, 30, 4, 3e8)
