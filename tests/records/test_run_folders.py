"""Folders of runs: their results are found, listed, and archived before they are replaced."""

import os
from pathlib import Path

import pytest

from tests.helpers.records.results import lost, replaced, stored, written
from workbench.records.result import Result, read_result, write_result
from workbench.records.run_folders import archive_result, archived_results, find_results, runs_in

RESULT = replaced(stored(), "created", "2026-01-02T03:04:05+00:00")
CHANGED = replaced(RESULT, "program.bytes", 1)
ARCHIVED = "result-20260102-030405.json"


def test_archive_result_is_named_by_its_time(tmp_path: Path) -> None:
    content = write_result(RESULT, tmp_path).read_bytes()
    second = replaced(RESULT, "speed.load_ms", 1e6)
    assert archive_result(second, tmp_path) == tmp_path / ARCHIVED
    write_result(second, tmp_path)
    assert (tmp_path / ARCHIVED).read_bytes() == content
    assert archive_result(CHANGED, tmp_path) == tmp_path / "result-20260102-030405-2.json"
    assert read_result(tmp_path / "result-20260102-030405-2.json") == second
    assert [path.name for path in archived_results(tmp_path)] == [ARCHIVED, "result-20260102-030405-2.json"]


@pytest.mark.parametrize("earlier", [(), (lost(RESULT),)], ids=["missing", "equal"])
def test_archive_result_skips_a_missing_or_equal_one(earlier: tuple[Result, ...], tmp_path: Path) -> None:
    for result in earlier:
        write_result(result, tmp_path)
    new = lost(RESULT).replace(created="2026-05-05T00:00:00+00:00", seconds={"build": 1.0})
    assert archive_result(new, tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_archive_result_keeps_an_unreadable_one(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text('{"schema_version": 99}')
    os.utime(path, (0, 86400))
    assert archive_result(RESULT, tmp_path) == tmp_path / "result-19700102-000000.json"
    assert (tmp_path / "result-19700102-000000.json").read_text() == '{"schema_version": 99}'


def test_archived_result_is_not_a_current_one(tmp_path: Path) -> None:
    folder = written(RESULT, tmp_path / "run")
    archived = archive_result(CHANGED, folder)
    assert archived is not None
    write_result(RESULT, folder)
    (run,) = runs_in(tmp_path)
    assert len(run.results) == 1
    assert [result.current for result in find_results([folder, archived])] == [True, False]


@pytest.mark.parametrize(
    ("start", "path"),
    [("monday/float-xnnpack", "."), ("monday", "."), ("monday/float-xnnpack", "..")],
)
def test_find_results_names_the_run_by_its_folder(
    start: str, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(RESULT, tmp_path / "monday")
    monkeypatch.chdir(tmp_path / start)
    assert [result.run for result in find_results([Path(path)])] == ["monday"]


def test_find_results_searches_only_runs_and_variants(tmp_path: Path) -> None:
    folder = written(RESULT, tmp_path / "run")
    for name in ("frames", "pictures", "moments", ".making", ".programs"):
        write_result(RESULT, folder / name)
    write_result(RESULT, tmp_path / ".programs" / "float")
    frames = written(replaced(RESULT, "recipe.name", "frames"), tmp_path / "run")  # a variant of that name
    assert [result.folder for result in find_results([tmp_path])] == [folder, frames]
    assert [len(run.results) for run in runs_in(tmp_path)] == [2]


def test_reading_never_changes_a_verdict(tmp_path: Path) -> None:
    """The current rules would judge it inconclusive: it has no gate on the pitch."""
    result = replaced(RESULT, "recipe.resolved.gates", {"program.bytes": "<= 100_000_000"})
    written(result, tmp_path / "run")
    (run,) = runs_in(tmp_path)
    assert runs_in(run.folder) == [run]
    assert [each.result for each in (*run.results, *find_results([tmp_path]))] == [result, result]
