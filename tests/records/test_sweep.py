"""The points of a sweep take their numbers from results."""

from pathlib import Path

import pytest

from tests.helpers.records.results import natively, stored, without_scores
from tests.helpers.records.sweep_points import (
    DELAY,
    NO_DELAY,
    NO_DELAY_REASON,
    STEADINESS,
    failed_point,
    measured_point,
    setting,
    sweep_of,
)
from workbench.measure.tones.delay import Delay
from workbench.record_model import NOT_STATED
from workbench.records.sweep import SWEEP_NAME, Sweep, SweepPoint
from workbench.storage.json_files import write_json

NOT_RUN = SweepPoint.not_run(setting(), without_scores(stored(), "no such backend"))
RESULT = stored(reasons=("too large",), verdict="fail")


def test_measured_point_has_the_numbers_of_the_result() -> None:
    point = SweepPoint.measured(setting(), RESULT.replace(delay=Delay(baseline=DELAY, variant=DELAY)))
    assert RESULT.deviation and RESULT.program and RESULT.speed and RESULT.truth and RESULT.truth.variant
    assert (point.status, point.verdict, point.reasons) == ("measured", RESULT.verdict, RESULT.reasons)
    assert (point.algorithmic_ms, point.geometry_ms) == (10.0, 20.0)  # half a chunk of 20 ms
    assert (point.pitch_p95_cents, point.program_bytes) == (RESULT.deviation.pitch.p95_cents, RESULT.program.bytes)
    assert (point.native_p50_us, point.null_reasons["native_p50_us"]) == (None, NOT_STATED)
    timed = SweepPoint.measured(setting(), natively(RESULT, 10.0))
    assert (timed.native_p50_us, timed.native_p99_us, timed.native_speedup_p50) == (100, 200, 10)
    variant, p50_ms = point.variant, RESULT.speed.variant.p50_ms
    assert variant is not None
    assert (variant.rpa50, variant.voicing_recall) == (RESULT.truth.variant.rpa50, RESULT.truth.variant.voicing_recall)
    assert (variant.delay_ms, variant.delay_shortest_ms, variant.delay_longest_ms) == (40, 35, 45.5)
    assert (variant.p50_ms, variant.real_time_factor) == (p50_ms, pytest.approx(p50_ms / 20))


def test_missing_number_has_its_reason() -> None:
    variant = measured_point(delay=NO_DELAY).variant
    assert variant and (variant.delay_ms, variant.null_reasons["delay_ms"]) == (None, NO_DELAY_REASON)
    without = RESULT.replace(truth=None, null_reasons={"truth": "no known f0"}, steadiness=STEADINESS)
    baseline = SweepPoint.measured(setting(), without).baseline
    assert baseline and baseline.null_reasons == {
        **dict.fromkeys(("rpa50", "voicing_recall"), "no known f0"),
        **dict.fromkeys(("delay_ms", "delay_shortest_ms", "delay_longest_ms"), NOT_STATED),  # written before it was
    }


@pytest.mark.parametrize(
    ("point", "status", "verdict", "reason", "geometry_ms"),
    [
        (SweepPoint.refused(setting(), "too long a hop"), "refused", None, "too long a hop", None),
        (SweepPoint.failed(setting(), stored(), "it crashed"), "failed", "fail", "it crashed", 20.0),
        (NOT_RUN, "inconclusive", "inconclusive", "no such backend", 20.0),
    ],
    ids=["refused", "failed", "not-run"],
)
def test_point_without_scores_has_the_reason(
    point: SweepPoint, status: str, verdict: str | None, reason: str, geometry_ms: float | None
) -> None:
    assert (point.status, point.verdict, point.reasons, point.geometry_ms) == (status, verdict, (reason,), geometry_ms)
    assert point.null_reasons["variant"] == reason
    assert failed_point().reasons == stored("int8-naive").reasons, "a reason that the result has is not repeated"


@pytest.mark.parametrize(
    ("protocol", "warning"),
    [("continuous", ""), ("variant-reset-per-chunk", "UNFAIR: baseline continuous, variant reset-per-chunk\n")],
)
def test_sweep_round_trip(protocol: str, warning: str, tmp_path: Path) -> None:
    refused = SweepPoint.refused(setting(chunk=9000), "too long")
    sweep = sweep_of(measured_point(), failed_point(mirror=0.0), refused, protocol=protocol)
    path = write_json(sweep, tmp_path / SWEEP_NAME)
    assert Sweep.model_validate_json(path.read_bytes(), extra="ignore") == sweep
    assert sweep.title == f"{warning}float-xnnpack: chunk, mirror and rate"
    assert setting(mirror=0.5).suffix == "rate=48000,chunk=960,mirror=0.5"
