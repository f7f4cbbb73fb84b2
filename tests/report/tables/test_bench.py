from pathlib import Path

import pytest

from workbench.records.bench import Bench, NotRun
from workbench.report.tables.bench import bench_rows, print_bench


def test_bench_rows_compare_with_eager_and_onnx(bench: Bench) -> None:
    run = bench.runs[0]
    rows = {row["contender"]: row for row in bench_rows(run)}
    figures = {figures.name: figures for figures in run.contenders}
    row, own = rows["float-xnnpack"], figures["float-xnnpack"]
    assert row["times faster than eager"] == own.ratios["eager"].text()
    assert row["times faster than onnx"] == own.ratios["onnx"].text()
    assert row["missed under load"] == f"{own.under_load.missed} / {own.under_load.calls}"
    assert row["bytes"] == f"{own.bytes:,}"
    eager = rows["eager"]
    assert (eager["claim"], eager["times faster than eager"], eager["pitch p95 (cents)"]) == ("baseline", "–", "–")


def test_bench_rows_without_onnx_have_no_column_for_it(bench: Bench) -> None:
    run = bench.runs[0]
    others = tuple(figures for figures in run.contenders if figures.name != "onnx")
    (columns,) = {tuple(row) for row in bench_rows(run.model_copy(update={"contenders": others}))}
    assert "times faster than eager" in columns and "times faster than onnx" not in columns


def test_print_bench_has_a_table_for_each_thread_count(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    eager, *others = bench.runs[0].contenders
    unclear = others[0].model_copy(update={"claim": "inconclusive", "why": "the rounds [overlap]"})
    run = bench.runs[0].model_copy(
        update={"contenders": (eager, unclear), "not_run": (NotRun(name="x", reason="not installed"),)}
    )
    runs = tuple(run.model_copy(update={"threads": threads}) for threads in (1, 2))
    print_bench(bench.model_copy(update={"runs": runs}), Path("out"))
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line in ("1 thread", "2 threads")] == ["1 thread", "2 threads"]
    assert lines.count(f"  {unclear.name}: inconclusive: the rounds [overlap]") == 2
    assert lines.count("  x: not run: not installed") == 2
    assert lines[-2:] == ["  record   out/bench.json", "  picture  out/bench.png"]
