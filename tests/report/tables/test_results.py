"""The table and the lines under it: what a reader sees of a record."""

from pathlib import Path

import pytest

from tests.helpers.results import stored
from tools.docs.tables import int8_cells
from workbench.records.result import Result
from workbench.report.columns import result_cells
from workbench.report.formatting import markdown_table
from workbench.report.highlights import noisiest_layer
from workbench.report.tables.results import print_results


@pytest.fixture(scope="module")
def mixed() -> Result:
    return stored("int8-mixed")


def test_the_weakest_layer_makes_the_noise_and_does_not_only_pass_it_on(mixed: Result) -> None:
    weakest = noisiest_layer(mixed)
    gaps = {gap.layer: gap.alone_db for gap in mixed.program.calibration.gaps if gap.alone_db is not None}
    assert weakest.layer in gaps and gaps[weakest.layer] == min(gaps.values())
    assert noisiest_layer(stored()) is None


def test_a_float_variant_has_dashes_for_its_calibration() -> None:
    row = int8_cells(stored())
    assert row["calibration and gaps (s)"] == row["most noise added by"] == row["scales, median"] == "–"


def test_a_run_tells_how_int8_came_about(capsys: pytest.CaptureFixture[str]) -> None:
    static = stored("int8-static")
    print_results([(static, Path("outputs/x/int8-static"))])
    printed = capsys.readouterr().out
    calibration = static.program.calibration
    assert "  int8     6 convolutions and 6 leaky_relus, 127,230 bytes of weights\n" in printed
    assert f"  ranges   from {calibration.excerpts} clips ({calibration.audio_s:.0f} s) in " in printed
    assert f"cents (p95)\n  noise    most is added by {noisiest_layer(static).layer}: " in printed


def test_markdown_has_a_row_for_each_record(mixed: Result) -> None:
    lines = markdown_table([result_cells(mixed), result_cells(mixed)]).splitlines()
    assert len(lines) == 4 and lines[2] == lines[3]
    assert {line.count("|") for line in lines} == {len(result_cells(mixed)) + 1}


def test_an_accuracy_that_is_null_is_a_dash(mixed: Result) -> None:
    nothing = mixed.truth.baseline.model_copy(update={"rpa50": None, "null_reasons": {"rpa50": "no frame is voiced"}})
    silent = mixed.truth.model_copy(update={"baseline": nothing, "variant": nothing})
    assert result_cells(mixed.model_copy(update={"truth": silent}))["rpa50 baseline → variant"] == "– → –"
