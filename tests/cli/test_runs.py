"""The command `workbench runs`: its table and its JSON lines."""

import json
from pathlib import Path

from tests.helpers.project import workbench
from tests.helpers.records.results import lost, replaced, stored, written
from workbench.records.result import write_result
from workbench.records.run_folders import archive_result

RESULT = replaced(stored(), "created", "2026-01-01T00:00:10+00:00")
FAILED = replaced(lost(stored("int8-naive")), "created", "2026-01-01T00:00:20+00:00")


def write_runs(folder: Path) -> Path:
    """Writes a run of two variants, one with an unreadable result, and one without any."""
    for result in (RESULT, FAILED):
        written(result, folder / "20260101-000000-two")
    for run in ("20260102-000000-spoilt", "20260103-000000-killed"):
        (folder / run / "variant").mkdir(parents=True)
    (folder / "20260102-000000-spoilt" / "variant" / "result.json").write_text("{}")
    return folder


def test_runs_table(tmp_path: Path) -> None:
    listed = workbench("runs", write_runs(tmp_path))
    assert (listed.exit_code, listed.stderr) == (0, "")
    header, first, spoilt, killed, unreadable = listed.stdout.splitlines()
    assert header.split()[0] == "run"
    machine = RESULT.environment
    assert [cell.strip() for cell in first.split("  ") if cell.strip()] == [
        "20260101-000000-two",
        *("2026-01-01 00:00", "2", "1" if RESULT.verdict == "pass" else "–", "1", "–", "–", "–"),
        "; ".join(sorted({str(machine.commit), str(FAILED.environment.commit)})),
        f"{machine.cpu}, {machine.cores} cores",
    ]
    assert spoilt.split()[:7] == ["20260102-000000-spoilt", "–", "–", "–", "–", "–", "1"]
    assert killed.split() == ["20260103-000000-killed", *"–––––––––"]
    assert unreadable.startswith(f"unreadable: {tmp_path}/20260102-000000-spoilt/variant/result.json: not a result")


def test_runs_json_has_a_line_per_run(tmp_path: Path) -> None:
    folder = write_runs(tmp_path) / "20260101-000000-two"
    archive_result(replaced(RESULT, "program.bytes", 1), folder / "float-xnnpack")
    write_result(RESULT, folder / "float-xnnpack")
    first, spoilt, _ = map(json.loads, workbench("runs", tmp_path, "--json").stdout.splitlines())
    assert (first["folder"], first["earlier"]) == (str(folder), 1)
    assert first["variants"] == {"float-xnnpack": RESULT.verdict, "int8-naive": "fail"}
    assert first["verdicts"]["fail"] == 1
    assert len(spoilt["unreadable"]) == 1


def test_runs_without_runs_or_folder(tmp_path: Path) -> None:
    assert workbench("runs", tmp_path).stdout == f"{tmp_path}: no runs\n"
    missing = workbench("runs", tmp_path / "none")
    assert (missing.exit_code, missing.stderr) == (
        2,
        f"error: {tmp_path}/none: no such folder; `workbench run` creates outputs/, or name another folder\n",
    )
