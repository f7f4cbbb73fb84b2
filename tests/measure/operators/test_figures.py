"""The figures of a made-up recording: peaks, bounds, layers, kinds and totals."""

import pytest

from tests.helpers.records.profile_figures import COSTS, made_up_peaks, made_up_recording
from workbench.measure.operators.figures import (
    furthest_from_bound,
    kind_figures,
    layer_figures,
    layer_group,
    operator_figures,
    totals,
)
from workbench.measure.operators.layer_costs import Layer
from workbench.measure.operators.roofline import bound


def test_the_peak_of_a_kind_is_its_fastest_probe() -> None:
    peaks = made_up_peaks()
    assert (peaks.float32_gmacs.p50, peaks.float32_what) == (pytest.approx(4), "large")
    assert (peaks.int8_gmacs.p50, peaks.int8_over_float32.p50) == pytest.approx((3, 0.75))
    assert (peaks.read_gbytes.p50, peaks.memory_gbytes.p50) == pytest.approx((0.02, 0.01))


def test_a_bound_is_the_larger_of_two() -> None:
    float_layer = Layer(name="a", dtype="float32", macs=2_000_000, bytes=0)
    int8_layer = Layer(name="b", dtype="int8", macs=3_000_000, bytes=0)
    by_macs = bound([float_layer, int8_layer], 20_000, made_up_peaks())
    assert (by_macs.by, by_macs.us) == ("multiply-adds", pytest.approx(500 + 1000))
    assert by_macs.read_us == pytest.approx(1000)  # 20 kB at 0.02 GB/s
    by_bytes = bound([float_layer], 20_000, made_up_peaks())
    assert (by_bytes.by, by_bytes.us) == ("weights", pytest.approx(1000))


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("encoder.prefilter.0.0.frequency.3", "encoder.prefilter.0"),
        ("frontend.group.12.project", "frontend.group.12"),
        ("encoder.narrow.2", "encoder.narrow"),
        ("encoder", "encoder"),
        ("confidence.mean", "confidence"),
        ("", "model"),
    ],
)
def test_rows_are_about_groups_of_layers(name: str, group: str) -> None:
    assert layer_group(name) == group


def test_layers_have_their_operators_and_what_preparing_these_takes() -> None:
    reduce, prefilter, model = layer_figures(made_up_recording(), COSTS, made_up_peaks()) or ()
    assert (reduce.name, reduce.us.p50, reduce.preparation_us) == ("reduce", 2, 0)  # a kernel is not prepared
    assert (prefilter.operators, prefilter.us.p50, prefilter.preparation_us) == (2, 105, 4)  # two of three operators
    assert prefilter.share == pytest.approx(109 / 135)
    assert (prefilter.macs, prefilter.weight_bytes) == (230_000, 1100)
    assert prefilter.bound.us == pytest.approx(60)  # 200,000 at 4e9 a second and 30,000 at 3e9; 1.1 kB take 55
    assert (prefilter.efficiency, prefilter.above_bound_us) == pytest.approx((60 / 109, 49))
    assert (model.name, model.bound) == ("model", None)
    assert set(model.null_reasons.values()) == {"it has no multiply-adds and no weights"}
    assert furthest_from_bound([reduce, prefilter, model], 3) == [prefilter]


def test_kinds_of_operators_are_counted() -> None:
    found = [(kind.name, kind.operators, kind.us.p50, kind.share) for kind in kind_figures(made_up_recording())]
    assert found[0] == ("Fully Connected (NC, F32) GEMM", 2, 120, pytest.approx(120 / 135))
    assert [count for _, count, _, _ in found] == [2, 1, 1]


@pytest.mark.parametrize(("program_us", "difference"), [(135.0, 0.0), (108.0, 0.25)])
def test_the_sum_is_compared_with_the_program(program_us: float, difference: float) -> None:
    recording = made_up_recording(program_us)
    found = totals(recording, layer_figures(recording, COSTS, made_up_peaks()))
    assert (found.operators, found.kernels, found.preparation_per_operator_us) == (3, 1, 2)
    parts = (found.delegated_us, found.preparation_us, found.kernels_us, found.call_us, found.sum_us)
    assert [part.p50 for part in parts] == [125, 6, 2, 2, 135]
    assert (found.difference.p50, found.recorded_us.p50, found.bound_us) == pytest.approx((difference, 200, 60))


def test_operators_without_layers_have_a_reason() -> None:
    recording = made_up_recording(mismatch="operator 2 is another one")
    assert layer_figures(recording, COSTS, made_up_peaks()) is None
    assert {each.null_reasons["layer"] for each in operator_figures(recording)} == {"operator 2 is another one"}
    assert totals(recording, None).null_reasons == {"bound_us": "the layers of the operators are not known"}
