"""The tables of a bench."""

from pathlib import Path

import pytest

from tests.helpers.records.bench import contender_figures
from workbench.records.bench import Bench, NotRun
from workbench.report.plots.bench import bench_png
from workbench.report.tables.bench import bench_rows, native_rows, print_bench


def test_bench_rows_compare_with_eager_and_onnx(bench: Bench) -> None:
    run = bench.runs[0]
    rows = {row["contender"]: row for row in bench_rows(run)}
    own = next(figures for figures in run.contenders if figures.name == "float-xnnpack")
    assert rows["float-xnnpack"].items() >= {
        ("times faster than eager", own.ratios["eager"].text()),
        ("times faster than onnx", own.ratios["onnx"].text()),
        ("missed under load", f"{own.under_load.missed} / {own.under_load.calls}"),
        ("bytes", f"{own.bytes:,}"),
    }
    eager = rows["eager"]
    assert (eager["claim"], eager["times faster than eager"], eager["pitch p95 (cents)"]) == ("baseline", "–", "–")
    without_onnx = tuple(figures for figures in run.contenders if figures.name != "onnx")
    assert not any("times faster than onnx" in row for row in bench_rows(run.replace(contenders=without_onnx)))


def test_native_times_have_a_table_of_their_own(
    tmp_path: Path, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "program.pte"
    file.write_bytes(b"1")
    found = contender_figures(file, {"eager": [4.0] * 3, "fast": [1.0] * 3}, native={"fast": [0.5, 25.0, 0.5]})
    run = bench.runs[0].replace(contenders=tuple(found.values()), rounds=3, chunks_per_round=5)
    (native,) = native_rows(run)
    assert native.items() >= {
        ("times faster than eager", "8.00 (1.73–8.00)"),
        ("p50 (µs)", "500"),
        ("max", "25000"),
        ("missed deadlines", "5 / 15"),
        ("peak memory (MB)", "11.0"),
    }
    (eager, fast) = bench_rows(run)
    assert [each["native p50 (µs)"] for each in (eager, fast)] == ["–", "500"]
    print_bench(bench.replace(runs=(run,)), Path("out"))
    shown = capsys.readouterr().out
    assert "1 thread, in the native host, without Python\n" in shown
    assert "  eager: no native times: no compiler\n" in shown
    assert bench_png(bench.replace(runs=(run,))).startswith(b"\x89PNG")


def test_print_bench_has_a_table_for_each_thread_count(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    eager, *others = bench.runs[0].contenders
    unclear = others[0].replace(claim="inconclusive", why="the rounds [overlap]")
    run = bench.runs[0].replace(contenders=(eager, unclear), not_run=(NotRun(name="x", reason="not installed"),))
    print_bench(bench.replace(runs=tuple(run.replace(threads=threads) for threads in (1, 2))), Path("out"))
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line in ("1 thread", "2 threads")] == ["1 thread", "2 threads"]
    assert lines.count(f"  {unclear.name}: inconclusive: the rounds [overlap]") == 2
    assert lines.count("  x: not run: not installed") == 2
    assert lines[-2:] == ["  record   out/bench.json", "  picture  out/bench.png"]
