"""What runs left: found again, listed, and never written over unnoticed."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.helpers.results import lost, replaced, stored, written
from workbench.cli import main
from workbench.errors import WorkbenchError
from workbench.records.result import read_record, write_record
from workbench.records.run_folders import archive_result, archived_results, find_results, newest_run, runs_in

RECORD = replaced(stored(), "created", "2026-01-02T03:04:05+00:00")


# --- records that are about to be written over


def test_an_earlier_record_is_kept_under_the_time_it_was_made(tmp_path: Path) -> None:
    path = write_record(RECORD, tmp_path)
    content = path.read_bytes()
    again = replaced(RECORD, "speed.load_ms", 1e6)
    assert archive_result(again, tmp_path) == tmp_path / "result-20260102-030405.json"
    write_record(again, tmp_path)
    assert (tmp_path / "result-20260102-030405.json").read_bytes() == content
    assert archive_result(replaced(again, "program.bytes", 1), tmp_path) == tmp_path / "result-20260102-030405-2.json"
    assert read_record(tmp_path / "result-20260102-030405-2.json") == again
    assert [found.name for found in archived_results(tmp_path)] == [
        "result-20260102-030405.json",
        "result-20260102-030405-2.json",
    ]


def test_nothing_is_kept_of_nothing_and_of_the_same(tmp_path: Path) -> None:
    assert archive_result(RECORD, tmp_path) is None
    failure = lost(RECORD)
    write_record(failure, tmp_path)
    again = failure.model_copy(update={"created": "2026-05-05T00:00:00+00:00", "seconds": {"build": 1.0}})
    assert archive_result(again, tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_record_that_cannot_be_read_is_kept_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text('{"schema_version": 99}')
    os.utime(path, (0, 86400))
    assert archive_result(RECORD, tmp_path) == tmp_path / "result-19700102-000000.json"
    assert (tmp_path / "result-19700102-000000.json").read_text() == '{"schema_version": 99}'


def test_earlier_records_are_no_variants_of_the_run(tmp_path: Path) -> None:
    folder = written(RECORD, tmp_path / "run")
    archive_result(replaced(RECORD, "program.bytes", 1), folder)
    write_record(RECORD, folder)
    (run,) = runs_in(tmp_path)
    assert len(run.results) == 1


def test_a_record_that_another_took_the_place_of_is_not_the_current_one(tmp_path: Path) -> None:
    folder = written(RECORD, tmp_path / "run")
    earlier = archive_result(replaced(RECORD, "program.bytes", 1), folder)
    assert earlier is not None
    write_record(RECORD, folder)
    assert [one.current for one in find_results([folder, earlier])] == [True, False]


# --- places


def test_a_run_is_called_by_its_folder_from_wherever_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = written(RECORD, tmp_path / "monday")
    for here, place in ((folder, "."), (tmp_path / "monday", "."), (folder, "../float-xnnpack"), (folder, "..")):
        monkeypatch.chdir(here)
        assert [one.run for one in find_results([Path(place)])] == ["monday"]


def test_a_place_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError) as error:
        find_results([tmp_path / "none"])
    assert str(error.value) == f"{tmp_path}/none: no such file or folder; `workbench runs` lists the runs"


# --- runs


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    """Three runs: of two variants, one of them failed; of one, spoilt; and one that was killed before its first."""
    root = tmp_path / "outputs"
    first = root / "20260101-000000-two"
    written(replaced(RECORD, "created", "2026-01-01T00:00:10+00:00"), first)
    written(replaced(lost(stored("int8-naive")), "created", "2026-01-01T00:00:20+00:00"), first)
    (root / "20260102-000000-spoilt" / "some").mkdir(parents=True)
    (root / "20260102-000000-spoilt" / "some" / "result.json").write_text("{}")
    (root / "20260103-000000-killed" / "some").mkdir(parents=True)
    (root / ".gitkeep").touch()
    return root


def test_runs_are_listed_by_name_with_what_cannot_be_read(outputs: Path) -> None:
    first, spoilt, killed = runs_in(outputs)
    assert first.folder == outputs / "20260101-000000-two"
    assert first.created == "2026-01-01T00:00:20+00:00"
    assert [kept.record.recipe.name for kept in first.results] == ["float-xnnpack", "int8-naive"]
    assert (first.unreadable, spoilt.results, killed.results, killed.unreadable, killed.created) == ((), (), (), (), "")
    path = outputs / "20260102-000000-spoilt" / "some" / "result.json"
    assert spoilt.unreadable == (f"{path}: not a result of schema version 1; run the recipe again",)


def test_a_run_lists_itself(outputs: Path) -> None:
    (run,) = runs_in(outputs / "20260101-000000-two")
    assert run.folder == outputs / "20260101-000000-two"


def test_the_newest_run_is_the_one_with_the_newest_record(outputs: Path) -> None:
    assert newest_run(outputs).folder.name == "20260101-000000-two"
    written(replaced(RECORD, "created", "2026-01-01T00:00:30+00:00"), outputs / "by-hand")
    assert newest_run(outputs).folder.name == "by-hand"
    with pytest.raises(WorkbenchError) as error:
        newest_run(outputs / "20260103-000000-killed")
    assert str(error.value) == (
        f"{outputs}/20260103-000000-killed: no run with a result.json; `workbench run` writes one"
    )


def command(*words: str | Path) -> Result:
    result = CliRunner().invoke(main, ["runs", *map(str, words)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_the_table(outputs: Path) -> None:
    result = command(outputs)
    assert (result.exit_code, result.stderr) == (0, "")
    header, first, spoilt, killed, unreadable = result.stdout.splitlines()
    assert header.split()[0] == "run"
    place = RECORD.environment
    assert first.split("  ")[0] == "20260101-000000-two"
    assert [cell.strip() for cell in first.split("  ") if cell.strip()][1:] == [
        *("2026-01-01 00:00", "2", "1" if RECORD.verdict == "pass" else "–", "1", "–", "–", "–"),
        "; ".join(sorted({str(RECORD.environment.commit), str(stored("int8-naive").environment.commit)})),
        f"{place.cpu}, {place.cores} cores",
    ]
    assert spoilt.split()[:7] == ["20260102-000000-spoilt", "–", "–", "–", "–", "–", "1"]
    assert killed.split() == ["20260103-000000-killed", *"–––––––––"]
    assert unreadable.startswith(f"unreadable: {outputs}/20260102-000000-spoilt/some/result.json: not a result")


def test_json_has_a_line_for_each_run(outputs: Path) -> None:
    folder = outputs / "20260101-000000-two" / "float-xnnpack"
    archive_result(replaced(RECORD, "program.bytes", 1), folder)
    write_record(RECORD, folder)
    first, spoilt, _ = map(json.loads, command(outputs, "--json").stdout.splitlines())
    assert first["folder"] == str(outputs / "20260101-000000-two")
    assert first["variants"] == {"float-xnnpack": RECORD.verdict, "int8-naive": "fail"}
    assert first["verdicts"]["fail"] == 1
    assert first["earlier"] == 1
    assert len(spoilt["unreadable"]) == 1


def test_no_runs_and_no_folder(tmp_path: Path) -> None:
    assert command(tmp_path).stdout == f"{tmp_path}: no runs\n"
    result = command(tmp_path / "none")
    assert result.exit_code == 2
    assert result.stderr == (
        f"error: {tmp_path}/none: no such folder; `workbench run` creates outputs/, or name another folder\n"
    )


def test_reading_never_changes_a_verdict(tmp_path: Path) -> None:
    """By the current rules this one would be inconclusive: it has no gate on the pitch."""
    record = replaced(RECORD, "recipe.resolved.gates", {"program.bytes": "<= 100_000_000"})
    written(record, tmp_path / "run")
    assert [found.record for found in find_results([tmp_path])] == [record]
    assert [found.record for found in runs_in(tmp_path)[0].results] == [record]
    assert json.loads(command(tmp_path, "--json").stdout)["verdicts"]["pass"] == 1


def test_only_folders_of_runs_and_variants_are_searched(tmp_path: Path) -> None:
    folder = written(RECORD, tmp_path / "run")
    for name in ("frames", "pictures", "moments", ".making", ".programs"):
        write_record(RECORD, folder / name)
    write_record(RECORD, tmp_path / ".programs" / "one")
    frames = written(replaced(RECORD, "recipe.name", "frames"), tmp_path / "run")  # a variant of that name
    assert [found.folder for found in find_results([tmp_path])] == [folder, frames]
    assert [len(run.results) for run in runs_in(tmp_path)] == [2]
