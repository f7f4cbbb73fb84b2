"""A sweep's points, table and picture, from made-up records."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from tests.records.test_result import HELD, record
from tests.records.test_result import failed as failed_record
from workbench.audit.verdict import judge_result
from workbench.measure.delay import StepDelay
from workbench.recipe import Gate
from workbench.records.environment import environment
from workbench.records.result import RecipeUsed
from workbench.records.sweep import SWEEP_NAME, Sweep, SweepPoint, SweepSetting, failed, measured, not_run, refused
from workbench.report.plots import sweep as points_picture
from workbench.report.plots.sweep import sweep_png
from workbench.report.tables.sweep import point_cells, print_sweep
from workbench.runtime.state_protocol import protocol_of
from workbench.storage.json_files import write_json

NONE = dict.fromkeys(("delay_ms", "shortest_ms", "longest_ms"))
HEARD = StepDelay(delay_ms=40.0, shortest_ms=35.0, longest_ms=45.5, followed=16, steps=16)
DEAF = StepDelay(**NONE, followed=3, steps=16, null_reasons=dict.fromkeys(NONE, "the pitch follows 3 of 16 steps"))


def setting(chunk: int = 960, mirror: float = 1.0, rate: int = 48_000) -> SweepSetting:
    return SweepSetting(sample_rate_hz=rate, chunk_samples=chunk, mirror=mirror)


def good(variant: StepDelay = HEARD, **where: Any) -> SweepPoint:
    return measured(setting(**where), judge_result(record(), HELD, 100), {"baseline": HEARD, "variant": variant})


def broken(**where: Any) -> SweepPoint:
    reason = "the program crashed the runtime"
    return failed(setting(**where), judge_result(failed_record(reason), HELD, 100), reason)


def sweep(*points: SweepPoint, protocol: str = "continuous") -> Sweep:
    return Sweep(
        created="2026-01-01T00:00:00+00:00",
        recipe=RecipeUsed(name="float", sha256="a" * 64, resolved={}),
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
    point = measured(setting(), missed, {"baseline": HEARD, "variant": HEARD})
    assert (point.status, point.verdict) == ("measured", "fail")
    assert point.reasons == ("program.bytes is 17000001, wants <= 1",)


def test_a_number_that_is_missing_has_its_reason() -> None:
    point = good(variant=DEAF)
    assert point.variant is not None
    assert point.variant.delay_ms is None
    assert point.variant.null_reasons["delay_ms"] == "the pitch follows 3 of 16 steps"
    without = record(truth=None, null_reasons={"truth": "not measured yet"})
    point = measured(setting(), without, {"baseline": HEARD, "variant": HEARD})
    assert point.baseline is not None
    assert point.baseline.rpa50 is None
    assert point.baseline.null_reasons == dict.fromkeys(("rpa50", "voicing_recall"), "not measured yet")


def test_a_refused_point_has_no_figure_but_the_reason() -> None:
    point = refused(setting(), "the hop is too long")
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
    return not_run(setting(**where), judge_result(unrun, HELD, 100))


def test_a_point_that_cannot_run_here_is_inconclusive() -> None:
    point = elsewhere()
    assert (point.status, point.verdict) == ("inconclusive", "inconclusive")
    assert point.reasons == ("not run here: no such backend",)
    assert point.null_reasons["variant"] == point.null_reasons["pitch_p95_cents"] == "not run here: no such backend"
    assert (point.program_bytes, point.geometry_ms) == (17_000_001, 35.0)
    assert point_cells(point, fair=True)["verdict"] == "inconclusive"


def test_the_file_holds_all_points(tmp_path: Path) -> None:
    whole = sweep(good(), broken(mirror=0.0), refused(setting(chunk=9000), "the hop is too long"))
    path = write_json(whole, tmp_path / SWEEP_NAME)
    stored = json.loads(path.read_text(), parse_constant=pytest.fail)
    assert path == tmp_path / "sweep.json"
    assert [point["status"] for point in stored["points"]] == ["measured", "failed", "refused"]
    assert stored["protocol"]["fair"] is True
    assert Sweep.model_validate_json(path.read_bytes(), extra="ignore") == whole


def test_the_table_shows_both_sides_and_a_dash_where_there_is_nothing() -> None:
    shown = point_cells(good(variant=DEAF), fair=True)
    assert shown["chunk"] == "960 (20 ms)"
    assert shown["verdict"] == "pass"
    assert shown["delay (ms)"] == "40.0 → –"
    assert shown["by geometry"] == "35.0"
    assert shown["bytes"] == "17,000,001"
    assert shown["of real time"] == "0.055 → 0.055"
    gone = point_cells(refused(setting(), "no"), fair=True)
    assert [gone[column] for column in ("verdict", "rpa50", "bytes", "delay (ms)")] == ["refused", "–", "–", "–"]


def test_the_table_is_printed_with_the_reasons(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    print_sweep(sweep(good(variant=DEAF), broken(mirror=0.5), refused(setting(chunk=9000), "too [long]")), tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "float: chunk, mirror and rate"
    assert [len(line) <= 200 for line in lines[:5]] == [True] * 5
    assert "  rate=48000,chunk=960,mirror=1: variant.delay_ms has no value: the pitch follows 3 of 16 steps" in lines
    assert "  rate=48000,chunk=960,mirror=0.5: fail: the program crashed the runtime" in lines
    assert "  rate=48000,chunk=9000,mirror=1: refused: too [long]" in lines
    assert lines[-2:] == [f"  sweep    {tmp_path / 'sweep.json'}", f"  picture  {tmp_path / 'sweep.png'}"]


def test_an_unfair_sweep_says_so_in_every_row_and_above(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    unfair = sweep(good(), refused(setting(chunk=9000), "no"), protocol="variant-reset-per-chunk")
    print_sweep(unfair, tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "UNFAIR: baseline continuous, variant reset-per-chunk"
    assert all("UNFAIR" in line for line in lines[3:5])


# --- the picture


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Figure]]:
    """The figures as they were about to be stored, kept open until the test has looked at them."""
    figures: list[Figure] = []
    monkeypatch.setattr(points_picture, "png", figures.append)
    yield figures
    for figure in figures:
        plt.close(figure)


def ys(figure: Figure, row: int, column: int) -> list[list[float]]:
    axes = figure.axes[4 * row + column]
    return [np.asarray(line.get_ydata(), float).tolist() for line in axes.lines]


def test_a_row_for_each_rate_and_a_line_for_each_mirror(drawn: list[Figure]) -> None:
    grid = [
        good(rate=rate, mirror=mirror, chunk=chunk)
        for rate in (16_000, 48_000)
        for mirror in (0, 1)
        for chunk in (960, 480)
    ]
    sweep_png(sweep(*grid))
    (figure,) = drawn
    assert len(figure.axes) == 2 * 4
    assert [figure.axes[at].get_ylabel() for at in (0, 4)] == ["16000 Hz", "48000 Hz"]
    assert ys(figure, 1, 0)[:2] == [[0.99, 0.99], [0.99, 0.99]]
    delay = ys(figure, 1, 2)
    assert len(delay) == 2 * 4  # baseline, variant, geometry and what was refused, for each mirror
    assert delay[:4] == [[40, 40], [40, 40], [30, 35], []]  # geometry with half of 480 and 960 samples
    assert ys(figure, 1, 3)[0] == pytest.approx([0.11, 0.055])
    labels = [text.get_text().split("\n") for text in figure.axes[4].get_xticklabels()]
    assert labels == [["480", "10 ms"], ["960", "20 ms"]]


def test_what_has_no_number_is_not_drawn_and_what_was_refused_is_a_cross(drawn: list[Figure]) -> None:
    sweep_png(sweep(good(chunk=480, variant=DEAF), refused(setting(), "no")))
    baseline, variant, geometry, crosses = ys(drawn[0], 0, 2)
    assert baseline == pytest.approx([40, np.nan], nan_ok=True)
    assert np.isnan(variant).all()
    assert geometry == pytest.approx([30, np.nan], nan_ok=True)
    assert crosses == [0.03]
    assert drawn[0].axes[2].lines[3].get_xdata().tolist() == [960]


def test_a_panel_without_a_figure_says_so(drawn: list[Figure]) -> None:
    sweep_png(sweep(broken(), good(rate=16_000)))
    assert [[text.get_text() for text in axes.texts] for axes in drawn[0].axes] == [["no figure"]] * 4 + [[]] * 4


@pytest.mark.parametrize(("protocol", "unfair"), [("continuous", False), ("baseline-reset-per-chunk", True)])
def test_the_title_says_what_is_unfair(protocol: str, unfair: bool, drawn: list[Figure]) -> None:
    sweep_png(sweep(good(), protocol=protocol))
    assert drawn[0].get_suptitle().startswith("UNFAIR: ") == unfair


def test_it_is_a_png() -> None:
    assert sweep_png(sweep(good())).startswith(b"\x89PNG\r\n\x1a\n")
