"""A variant's folder taken over by a new record: killed at any step, it is the earlier one's or the new one's."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.helpers.results import lost, replaced, stored
from workbench.records import staging as making
from workbench.records.result import RESULT_NAME, Result, read_result, write_result
from workbench.records.staging import commit, recover
from workbench.storage.atomic import remove_partial_files

EARLIER = replaced(stored(), "created", "2026-01-02T03:04:05+00:00")
NEW = replaced(EARLIER, "program.bytes", 1)
MEASURED = ("deviation", "floor", "truth", "speed")
NOT_HERE = EARLIER.model_copy(
    update=dict.fromkeys(MEASURED) | {"null_reasons": dict.fromkeys(MEASURED, "not here"), "not_run_here": "not here"}
)
ASIDE = "result-20260102-030405.json"


class Killed(BaseException):
    """In place of SIGKILL: nothing catches it."""


def fill(folder: Path, record: Result, what: str, *clips: str) -> None:
    write_result(record, folder)
    (folder / "program.pte").write_text(what)
    (folder / "frames").mkdir()
    for clip in clips:
        (folder / "frames" / clip).write_text(what)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An earlier record with what belongs to it, and a new one that is all made but not moved in."""
    folder = tmp_path / "run" / "variant"
    fill(folder, EARLIER, "earlier", "a.npz", "gone.npz")
    (folder / "bundle").mkdir()
    fill(making.staging_dir(folder), NEW, "new", "a.npz", "b.npz")
    (making.staging_dir(folder) / "scores.json").write_text("scratch")
    return folder


def files(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def is_the_new_one(folder: Path) -> bool:
    found = files(folder)
    return (
        set(found) == {RESULT_NAME, ASIDE, "program.pte", "frames/a.npz", "frames/b.npz"}
        and read_result(folder / RESULT_NAME) == NEW
        and read_result(folder / ASIDE) == EARLIER
        and {found[name] for name in found if not name.endswith(".json")} == {"new"}
        and (folder / "bundle").is_dir()
    )


def test_all_of_it_moves_in(folder: Path) -> None:
    assert commit(NEW, folder) == folder / ASIDE
    assert is_the_new_one(folder)
    assert recover(folder) is None
    assert is_the_new_one(folder)


def test_a_failure_takes_away_what_belonged_to_the_earlier_record(folder: Path) -> None:
    making.remove(making.staging_dir(folder), (RESULT_NAME, *making.RESULT_FILES))
    failure = lost(EARLIER)
    commit(failure, folder)
    assert set(files(folder)) == {RESULT_NAME, ASIDE}
    assert read_result(folder / RESULT_NAME) == failure
    assert (folder / "bundle").is_dir()


def test_figures_that_come_alone_are_of_the_files_that_are_there(folder: Path) -> None:
    making.remove(making.staging_dir(folder))
    commit(NEW, folder)
    found = files(folder)
    assert set(found) == {RESULT_NAME, ASIDE, "program.pte", "frames/a.npz", "frames/gone.npz"}
    assert {found[name] for name in found if not name.endswith(".json")} == {"earlier"}


STEPS = ("rename", "replace", "unlink")


def kill_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the given call on that changes the disk, counted from 0, nothing happens any more."""
    count = 0

    def counted(real: Callable[..., object]) -> Callable[..., object]:
        def change(*args: object, **kwargs: object) -> object:
            nonlocal count
            count += 1
            if count > step:
                raise Killed
            return real(*args, **kwargs)

        return change

    for name in STEPS:
        monkeypatch.setattr(Path, name, counted(getattr(Path, name)))
    monkeypatch.setattr(making.shutil, "rmtree", counted(making.shutil.rmtree))


def survives(step: int, change: Callable[[], object]) -> bool:
    """Whether the change ends where all after that step is refused."""
    with pytest.MonkeyPatch.context() as patched:
        kill_at(step, patched)
        try:
            change()
        except Killed:
            return False
    return True


def begin_again(folder: Path) -> None:
    """What the next run in it takes away first."""
    remove_partial_files(folder, making.staging_dir(folder), making.staging_dir(folder) / "frames")


def complete(folder: Path) -> None:
    commit(NOT_HERE, folder) if making.staging_dir(folder).exists() else recover(folder)


def begin(folder: Path) -> None:
    """The earlier record as it is, with more than the new one has; and what cannot run here, made and not moved in."""
    fill(folder, EARLIER, "earlier", "a.npz", "gone.npz")
    (folder / "moments").mkdir()
    (folder / "moments" / "a.wav").write_text("earlier")
    (folder / "bundle").mkdir()
    making.staging_dir(folder).mkdir()
    for name in ("program.onnx", "program.json"):
        (making.staging_dir(folder) / name).write_text("new")


def is_the_one_that_cannot_run_here(folder: Path) -> bool:
    found = files(folder)
    return (
        set(found) == {RESULT_NAME, ASIDE, "program.onnx", "program.json"}
        and read_result(folder / RESULT_NAME) == NOT_HERE
        and found["program.onnx"] == found["program.json"] == "new"
        and (folder / "bundle").is_dir()
    )


def test_killed_at_any_step_with_a_program_that_cannot_run_here(tmp_path: Path) -> None:
    """It has no figures, but a program: which is not to go with the earlier record's files, nor they to stay."""
    for step in range(100):
        folder = tmp_path / str(step)
        begin(folder)
        survived = survives(step, partial(commit, NOT_HERE, folder))
        begin_again(folder)
        if RESULT_NAME in (found := files(folder)) and read_result(folder / RESULT_NAME) == EARLIER:
            assert {found[name] for name in found if not name.startswith((".", "result"))} == {"earlier"}, step
        for again in range(100):  # and killed a second time, wherever that is
            if survives(again, partial(complete, folder)):
                break
            begin_again(folder)
        assert is_the_one_that_cannot_run_here(folder), step
        if survived:
            assert step > 8
            return
    raise AssertionError("never survived")


def test_what_was_half_made_goes_before_it_is_gone_on_with(folder: Path) -> None:
    for place in (".", "frames", "pictures", "moments"):
        (making.staging_dir(folder) / place).mkdir(exist_ok=True)
        (making.staging_dir(folder) / place / ".workbench-0123456789abcdef.part").touch()
    recover(folder)
    assert not list(folder.rglob("*.part"))
    commit(NEW, folder)
    assert is_the_new_one(folder)


@pytest.mark.parametrize("text", ["", '{"schema_version": 2}'])
def test_a_finished_record_that_cannot_be_read_does_not_stay_in_the_way(folder: Path, text: str) -> None:
    before = {name: content for name, content in files(folder).items() if not name.startswith(".")}
    making.staging_dir(folder).rename(folder / ".made")
    (folder / ".made" / RESULT_NAME).write_text(text)
    os.utime(folder / ".made" / RESULT_NAME, (0, 0))
    assert recover(folder) == folder / "result-19700101-000000.json"
    assert files(folder) == {**before, "result-19700101-000000.json": text}
    assert recover(folder) is None


def test_killed_at_any_step(folder: Path) -> None:
    """Over all steps that change the disk, from first to last: whole, or nothing to read, and then completed."""
    before = files(folder)
    for step in range(100):
        survived = survives(step, lambda: commit(NEW, folder))
        begin_again(folder)
        visible = {name: text for name, text in files(folder).items() if not name.startswith(".")}
        if RESULT_NAME in visible:  # what is read beside a record is its own
            of = "earlier" if read_result(folder / RESULT_NAME) == EARLIER else "new"
            assert {visible[name] for name in visible if not name.endswith(".json")} == {of}, step
        if (folder / ".making").exists():  # not decided yet: nothing has changed
            assert {name: visible[name] for name in visible} == {
                name: text for name, text in before.items() if not name.startswith(".")
            }
            commit(NEW, folder)
        else:
            recover(folder)
        assert is_the_new_one(folder), step
        if survived:
            assert step > 8
            return
        for path in sorted(folder.rglob("*"), reverse=True):  # the fixture once more
            path.rmdir() if path.is_dir() else path.unlink()
        fill(folder, EARLIER, "earlier", "a.npz", "gone.npz")
        (folder / "bundle").mkdir()
        fill(making.staging_dir(folder), NEW, "new", "a.npz", "b.npz")
        (making.staging_dir(folder) / "scores.json").write_text("scratch")
    raise AssertionError("never survived")
