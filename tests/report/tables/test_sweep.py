from pathlib import Path

import pytest

from tests.helpers.records.results import stored
from tests.helpers.records.sweep_points import (
    NO_DELAY,
    NO_DELAY_REASON,
    failed_point,
    measured_point,
    setting,
    sweep_of,
)
from workbench.records.sweep import SweepPoint
from workbench.report.tables.sweep import point_cells, print_sweep

REFUSED = SweepPoint.refused(setting(chunk=9000), "too [long]")


def test_point_cells_have_both_sides_and_dashes() -> None:
    result = stored()
    assert point_cells(measured_point(delay=NO_DELAY), fair=True).items() >= {
        ("chunk", "960 (20 ms)"),
        ("verdict", "pass"),
        ("delay (ms)", "40.0 → –"),
        ("delay by geometry", f"{result.latency.algorithmic_ms + 10:.1f}"),
        ("jumps", "0.00%"),
        ("tones move (cents)", "2.0 → 2.0"),
        ("off, p95", "16.0 → 16.0"),
        ("bytes", f"{result.program.bytes:,}"),
    }
    nothing = point_cells(REFUSED, fair=True)
    assert [nothing[column] for column in ("verdict", "rpa50", "bytes", "delay (ms)")] == ["refused", "–", "–", "–"]


def test_print_sweep_lists_the_reasons_of_each_point(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    print_sweep(sweep_of(measured_point(delay=NO_DELAY), failed_point(mirror=0.5), REFUSED), tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "float-xnnpack: chunk, mirror and rate"
    assert all(len(line) <= 260 for line in lines[:5])
    assert f"  rate=48000,chunk=960,mirror=1: variant.delay_ms has no value: {NO_DELAY_REASON}" in lines
    assert f"  rate=48000,chunk=960,mirror=0.5: fail: {stored('int8-naive').null_reasons['program']}" in lines
    assert "  rate=48000,chunk=9000,mirror=1: refused: too [long]" in lines
    assert lines[-2:] == [f"  sweep    {tmp_path / 'sweep.json'}", f"  picture  {tmp_path / 'sweep.png'}"]
    print_sweep(sweep_of(measured_point(), REFUSED, protocol="variant-reset-per-chunk"), tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "UNFAIR: baseline continuous, variant reset-per-chunk"
    assert all("UNFAIR" in line for line in lines[3:5])
