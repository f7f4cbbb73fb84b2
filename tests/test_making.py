"""A variant's folder taken over by a new record: killed at any step, it is the earlier one's or the new one's."""

from collections.abc import Callable
from pathlib import Path

import pytest
from stored import lost, replaced, stored

from workbench.atomic import remove_parts
from workbench.audit import making
from workbench.audit.making import finish, settle
from workbench.audit.results import RESULT_NAME, Record, read_record, write_record

EARLIER = replaced(stored(), "created", "2026-01-02T03:04:05+00:00")
NEW = replaced(EARLIER, "program.bytes", 1)
ASIDE = "result-20260102-030405.json"


class Killed(BaseException):
    """In place of SIGKILL: nothing catches it."""


def fill(folder: Path, record: Record, what: str, *clips: str) -> None:
    write_record(record, folder)
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
    fill(making.making(folder), NEW, "new", "a.npz", "b.npz")
    (making.making(folder) / "scores.json").write_text("scratch")
    return folder


def files(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def is_the_new_one(folder: Path) -> bool:
    found = files(folder)
    return (
        set(found) == {RESULT_NAME, ASIDE, "program.pte", "frames/a.npz", "frames/b.npz"}
        and read_record(folder / RESULT_NAME) == NEW
        and read_record(folder / ASIDE) == EARLIER
        and {found[name] for name in found if not name.endswith(".json")} == {"new"}
        and (folder / "bundle").is_dir()
    )


def test_all_of_it_moves_in(folder: Path) -> None:
    assert finish(NEW, folder) == folder / ASIDE
    assert is_the_new_one(folder)
    assert settle(folder) is None
    assert is_the_new_one(folder)


def test_a_failure_takes_away_what_belonged_to_the_earlier_record(folder: Path) -> None:
    making.remove(making.making(folder), (RESULT_NAME, *making.OWN))
    failure = lost(EARLIER)
    finish(failure, folder)
    assert set(files(folder)) == {RESULT_NAME, ASIDE}
    assert read_record(folder / RESULT_NAME) == failure
    assert (folder / "bundle").is_dir()


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


def test_killed_at_any_step(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over all steps that change the disk, from first to last: whole, or nothing to read, and then completed."""
    before = files(folder)
    for step in range(100):
        with monkeypatch.context() as patched:
            kill_at(step, patched)
            try:
                finish(NEW, folder)
                survived = True
            except Killed:
                survived = False
        remove_parts(folder)  # as the next run in it begins
        visible = {name: text for name, text in files(folder).items() if not name.startswith(".")}
        if RESULT_NAME in visible:  # what is read beside a record is its own
            of = "earlier" if read_record(folder / RESULT_NAME) == EARLIER else "new"
            assert {visible[name] for name in visible if not name.endswith(".json")} == {of}, step
        if (folder / ".making").exists():  # not decided yet: nothing has changed
            assert {name: visible[name] for name in visible} == {
                name: text for name, text in before.items() if not name.startswith(".")
            }
            finish(NEW, folder)
        else:
            settle(folder)
        assert is_the_new_one(folder), step
        if survived:
            assert step > 8
            return
        for path in sorted(folder.rglob("*"), reverse=True):  # the fixture once more
            path.rmdir() if path.is_dir() else path.unlink()
        fill(folder, EARLIER, "earlier", "a.npz", "gone.npz")
        (folder / "bundle").mkdir()
        fill(making.making(folder), NEW, "new", "a.npz", "b.npz")
        (making.making(folder) / "scores.json").write_text("scratch")
    raise AssertionError("never survived")
