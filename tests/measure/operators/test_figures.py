"""The figures of made-up times: peaks, bounds, parts and totals."""

import pytest

from tests.helpers.profile_figures import layer, profile_figures
from workbench.measure.operators.figures import furthest_from_bound
from workbench.measure.operators.roofline import bound


def test_the_peak_of_a_kind_is_its_fastest_probe() -> None:
    peaks = profile_figures().peaks
    assert (peaks.float32_gmacs.p50, peaks.float32_what) == (pytest.approx(4), "large")
    assert (peaks.int8_gmacs.p50, peaks.int8_over_float32.p50) == pytest.approx((3, 0.75))
    assert (peaks.read_gbytes.p50, peaks.memory_gbytes.p50) == pytest.approx((0.02, 0.01))


def test_a_bound_is_the_larger_of_two() -> None:
    peaks = profile_figures().peaks
    by_macs = bound([layer("a", 2_000_000, 0), layer("b", 3_000_000, 0, "int8")], 20_000, peaks)
    assert (by_macs.by, by_macs.us) == ("multiply-adds", pytest.approx(500 + 1000))
    assert by_macs.read_us == pytest.approx(1000)  # 20 kB at 0.02 GB/s
    by_bytes = bound([layer("a", 2_000_000, 0)], 20_000, peaks)
    assert (by_bytes.by, by_bytes.us) == ("weights", pytest.approx(1000))


def test_a_part_is_net_of_an_empty_call() -> None:
    parts = profile_figures().parts
    _, _, encoder, total = parts
    assert (encoder.us.p50, encoder.net_us.p50, encoder.bound.us) == pytest.approx((2010, 2000, 1500))
    assert (encoder.efficiency, encoder.above_bound_us) == pytest.approx((0.75, 500))
    assert (encoder.share, total.share, encoder.macs) == pytest.approx((2000 / 2332, 2 / 2332, 5_000_000))
    assert furthest_from_bound(parts, 3) == [encoder]  # the others lie below their bounds


def test_a_part_without_net_time_or_work_is_null_with_a_reason() -> None:
    _, log, _, total = profile_figures(total_us=[10.0, 9.0, *([12.0] * 9)]).parts
    no_time, no_work = "its call does not take longer than an empty one", "it has no multiply-adds and no weights"
    assert total.null_reasons == dict.fromkeys(("net_us", "share", "efficiency", "above_bound_us"), no_time)
    assert log.null_reasons == dict.fromkeys(("bound", "efficiency", "above_bound_us"), no_work)


@pytest.mark.parametrize(("program_us", "explained"), [(2_342.0, 1.0), (1_171.0, 2.0)])
def test_the_sum_is_compared_with_the_program(program_us: float, explained: float) -> None:
    totals = profile_figures(program_us).totals
    assert (totals.sum_us.p50, totals.net_sum_us.p50, totals.explained.p50) == pytest.approx((2372, 2332, explained))
    assert totals.pitch_difference_max_cents == pytest.approx(25)
