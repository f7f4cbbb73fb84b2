"""The table and the lines under it: what a reader sees of a record."""

from pathlib import Path

import pytest

from tests.helpers.records.results import stored
from tools.docs.tables import int8_cells
from workbench.measure.truth import KindAccuracy
from workbench.quantize.results import StoredWeights
from workbench.report.columns import result_cells
from workbench.report.formatting import markdown_table
from workbench.report.highlights import noisiest_layer
from workbench.report.tables.results import print_results


def test_noisiest_layer_has_the_smallest_gap_by_itself() -> None:
    mixed = stored("int8-mixed")
    gaps = {gap.layer: gap.alone_db for gap in mixed.program.calibration.gaps if gap.alone_db is not None}
    assert gaps[noisiest_layer(mixed).layer] == min(gaps.values())
    assert noisiest_layer(stored()) is None
    row = int8_cells(stored())
    assert row["calibration and gaps (s)"] == row["most noise added by"] == row["scales, median"] == "–"


def test_print_results_has_lines_on_int8(capsys: pytest.CaptureFixture[str]) -> None:
    static = stored("int8-static")
    print_results([(static, Path("outputs/x/int8-static"))])
    printed = capsys.readouterr().out
    calibration = static.program.calibration
    assert "  int8        6 convolutions and 6 leaky_relus, 127,230 bytes of weights\n" in printed
    assert f"  calibration {calibration.excerpts} clips ({calibration.audio_s:.0f} s), in " in printed
    assert f"cents (p95)\n  noise       most is added by {noisiest_layer(static).layer}: " in printed


def test_print_results_has_lines_on_integer_weights(capsys: pytest.CaptureFixture[str]) -> None:
    weights = [
        StoredWeights(
            layer=layer, scheme=scheme, bytes=5, float_bytes=9, saved_bytes=saved_bytes, error_relative=error_relative
        )
        for layer, scheme, saved_bytes, error_relative in [
            ("a", "int16-weights", -1200, 1.6e-5),
            ("b.0.c", "int4-weights", 800, 0.1),
            ("b.1.c", "int4-weights", 800, 0.01),
        ]
    ]
    static = stored("int8-static")
    program = static.program.replace(
        weights=tuple(weights),
        calibration=None,
        null_reasons={"calibration": "only weights"},
        quantized_ops={"linear_int8_weights": 2, "linear_int4_weights": 1},
        bytes_by_dtype={"float32": 9, "int8": 5000, "int4": 70},
    )
    print_results([(static.replace(program=program), Path("outputs/x/int8-static"))])
    assert (
        "  integers    2 linears with int8 weights and 1 linears with int4 weights, 5,070 bytes of weights\n"
        "  weights     a in int16-weights: 1 layer, 5 bytes (9 in float)\n"
        "  weights     b.*.c in int4-weights: 2 layers, 10 bytes (18 in float)\n"
        "  coarsest    weights of b.0.c (int4-weights): 1.0e-01 of their norm\n"
        "  no gain     a: smaller in float, by 1,200 bytes together\n"
        "  program "
    ) in capsys.readouterr().out


def test_result_cells_have_a_dash_for_a_null_accuracy() -> None:
    mixed = stored("int8-mixed")
    lines = markdown_table([result_cells(mixed), result_cells(mixed)]).splitlines()
    assert len(lines) == 4 and lines[2] == lines[3]
    assert {line.count("|") for line in lines} == {len(result_cells(mixed)) + 1}
    null = mixed.truth.baseline.replace(rpa50=None, null_reasons={"rpa50": "no frame is voiced"})
    silent = mixed.replace(truth=mixed.truth.replace(baseline=null, variant=null))
    assert result_cells(silent)["rpa50 baseline → variant"] == "– → –"


def test_result_cells_name_the_kinds_of_truth() -> None:
    mixed = stored("int8-mixed")
    half = mixed.truth.baseline.replace(rpa50=0.5)
    sides = dict.fromkeys(("baseline", "variant", "baseline_at_best", "variant_at_best"), half)
    agreed = KindAccuracy(kind="consensus", clips=("a",), frames=2, voiced_frames=1, rpa50_change=0, **sides)
    several = mixed.replace(truth=mixed.truth.replace(other_kinds=(agreed,)))
    one, both = (result_cells(each)["rpa50 baseline → variant"] for each in (mixed, several))
    assert both == f"{one} (annotated), 0.5000 → 0.5000 (consensus)"
