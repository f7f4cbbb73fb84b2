"""A sweep's points, from made-up records."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.records.test_result import HELD, record
from tests.records.test_result import failed as failed_record
from workbench.audit.verdict import judge_result
from workbench.measure.delay import StepDelay
from workbench.recipe import Gate
from workbench.records.environment import environment
from workbench.records.result import RecipeUsed
from workbench.records.sweep import SWEEP_NAME, Sweep, SweepPoint, SweepSetting
from workbench.runtime.state_protocol import protocol_of
from workbench.storage.json_files import write_json

NONE = dict.fromkeys(("delay_ms", "shortest_ms", "longest_ms"))
HEARD = StepDelay(delay_ms=40.0, shortest_ms=35.0, longest_ms=45.5, followed=16, steps=16)
DEAF = StepDelay(**NONE, followed=3, steps=16, null_reasons=dict.fromkeys(NONE, "the pitch follows 3 of 16 steps"))


def setting(chunk: int = 960, mirror: float = 1.0, rate: int = 48_000) -> SweepSetting:
    return SweepSetting(sample_rate_hz=rate, chunk_samples=chunk, mirror=mirror)


def good(variant: StepDelay = HEARD, **where: Any) -> SweepPoint:
    return SweepPoint.measured(
        setting(**where), judge_result(record(), HELD, 100), {"baseline": HEARD, "variant": variant}
    )


def broken(**where: Any) -> SweepPoint:
    reason = "the program crashed the runtime"
    return SweepPoint.failed(setting(**where), judge_result(failed_record(reason), HELD, 100), reason)


def sweep(*points: SweepPoint, protocol: str = "continuous") -> Sweep:
    return Sweep(
        created="2026-01-01T00:00:00+00:00",
        recipe=RecipeUsed(name="float", sha256="a" * 64, resolved={}, checkpoint_sha256="d" * 64),
        protocol=protocol_of(protocol),
        environment=environment(1),
        clips=("sung/a",),
        points=points,
    )


def test_a_point_takes_its_figures_from_the_record() -> None:
    point = good()
    assert (point.status, point.verdict, point.reasons) == ("measured", "pass", ())
    assert (point.algorithmic_ms, point.geometry_ms) == (25.0, 35.0)  # half a chunk of 20 ms
    assert (point.pitch_p95_cents, point.pitch_max_cents, point.program_bytes) == (0.005, 0.005, 17_000_001)
    assert point.variant is not None
    assert (point.variant.rpa50, point.variant.voicing_recall) == (0.99, 0.28)
    assert (point.variant.delay_ms, point.variant.delay_shortest_ms, point.variant.delay_longest_ms) == (40, 35, 45.5)
    assert (point.variant.p50_ms, point.variant.real_time_factor) == (1.1, pytest.approx(1.1 / 20))


def test_the_point_of_a_missed_gate_is_measured() -> None:
    missed = judge_result(record(), (*HELD, Gate("program.bytes", "<=", 1)), 100)
    point = SweepPoint.measured(setting(), missed, {"baseline": HEARD, "variant": HEARD})
    assert (point.status, point.verdict) == ("measured", "fail")
    assert point.reasons == ("program.bytes is 17000001 (limit <= 1)",)


def test_a_number_that_is_missing_has_its_reason() -> None:
    point = good(variant=DEAF)
    assert point.variant is not None
    assert point.variant.delay_ms is None
    assert point.variant.null_reasons["delay_ms"] == "the pitch follows 3 of 16 steps"
    without = record(truth=None, null_reasons={"truth": "not measured yet"})
    point = SweepPoint.measured(setting(), without, {"baseline": HEARD, "variant": HEARD})
    assert point.baseline is not None
    assert point.baseline.rpa50 is None
    assert point.baseline.null_reasons == dict.fromkeys(("rpa50", "voicing_recall"), "not measured yet")


def test_a_refused_point_has_no_figure_but_the_reason() -> None:
    point = SweepPoint.refused(setting(), "the hop is too long")
    assert (point.status, point.reasons, point.verdict) == ("refused", ("the hop is too long",), None)
    assert set(point.null_reasons.values()) == {"the hop is too long"}
    assert {"verdict", "algorithmic_ms", "baseline", "variant", "program_bytes"} <= set(point.null_reasons)


def test_a_failed_point_keeps_its_geometry() -> None:
    point = broken()
    assert (point.status, point.verdict) == ("failed", "fail")
    assert point.geometry_ms == 35.0
    assert point.reasons == ("the program crashed the runtime",)
    assert point.null_reasons["variant"] == point.null_reasons["program_bytes"] == "the program crashed the runtime"


def elsewhere(**where: Any) -> SweepPoint:
    why, figures = "not run here: no such backend", ("deviation", "floor", "truth", "speed")
    unrun = record(**dict.fromkeys(figures), null_reasons=dict.fromkeys(figures, why), not_run_here=why)
    return SweepPoint.not_run(setting(**where), judge_result(unrun, HELD, 100))


def test_a_point_that_cannot_run_here_is_inconclusive() -> None:
    point = elsewhere()
    assert (point.status, point.verdict) == ("inconclusive", "inconclusive")
    assert point.reasons == ("not run here: no such backend",)
    assert point.null_reasons["variant"] == point.null_reasons["pitch_p95_cents"] == "not run here: no such backend"
    assert (point.program_bytes, point.geometry_ms) == (17_000_001, 35.0)


def test_the_file_holds_all_points(tmp_path: Path) -> None:
    whole = sweep(good(), broken(mirror=0.0), SweepPoint.refused(setting(chunk=9000), "the hop is too long"))
    path = write_json(whole, tmp_path / SWEEP_NAME)
    stored = json.loads(path.read_text(), parse_constant=pytest.fail)
    assert path == tmp_path / "sweep.json"
    assert [point["status"] for point in stored["points"]] == ["measured", "failed", "refused"]
    assert stored["protocol"]["fair"] is True
    assert Sweep.model_validate_json(path.read_bytes(), extra="ignore") == whole
