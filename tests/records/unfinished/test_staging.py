"""The commit of a variant's files: killed at any step, the folder is the earlier result's or the new one's."""

import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.records.results import lost, replaced, stored, without_scores
from workbench.records.result import RESULT_NAME, Result, read_result, write_result
from workbench.records.unfinished import staging
from workbench.records.unfinished.staging import commit, recover, staging_dir
from workbench.storage.atomic import remove_partial_files

EARLIER = replaced(stored(), "created", "2026-01-02T03:04:05+00:00")
NEW = replaced(EARLIER, "program.bytes", 1)
NOT_HERE = without_scores(EARLIER, "not here")
ARCHIVED = "result-20260102-030405.json"
STEPS = ("rename", "replace", "unlink")


class Killed(BaseException):
    """In place of SIGKILL: nothing catches it."""


def fill(folder: Path, result: Result, content: str, *clips: str) -> None:
    write_result(result, folder)
    (folder / "program.pte").write_text(content)
    (folder / "frames").mkdir()
    for clip in clips:
        (folder / "frames" / clip).write_text(content)


def stage_scored(folder: Path) -> None:
    """An earlier result with its files, and a new one that is complete but not committed."""
    fill(folder, EARLIER, "earlier", "a.npz", "gone.npz")
    for name in ("bundle", "moments"):
        (folder / name).mkdir()
    (folder / "moments" / "a.wav").write_text("earlier")
    fill(staging_dir(folder), NEW, "new", "a.npz", "b.npz")
    (staging_dir(folder) / "scores.json").write_text("scratch")


def stage_unscored(folder: Path) -> None:
    """The same with a new program that cannot run here, which has no scores, but other files than the earlier one."""
    stage_scored(folder)
    shutil.rmtree(staging_dir(folder))
    staging_dir(folder).mkdir()
    for name in ("program.onnx", "program.json"):
        (staging_dir(folder) / name).write_text("new")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    stage_scored(tmp_path / "run" / "variant")
    return tmp_path / "run" / "variant"


def visible(folder: Path) -> dict[str, str]:
    """The files that a reader finds."""
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_text() for name, path in paths.items() if not name.startswith(".")}


def contents(found: dict[str, str]) -> set[str]:
    """The contents of what belongs to a result."""
    return {content for name, content in found.items() if not name.startswith("result")}


def assert_committed(folder: Path, result: Result, *names: str) -> None:
    found = visible(folder)
    assert set(found) == {RESULT_NAME, ARCHIVED, *names}
    assert (read_result(folder / RESULT_NAME), read_result(folder / ARCHIVED)) == (result, EARLIER)
    assert contents(found) <= {"new"}
    assert (folder / "bundle").is_dir()
    assert list(folder.glob(".*")) == []


SCORED = (NEW, "program.pte", "frames/a.npz", "frames/b.npz")
UNSCORED = (NOT_HERE, "program.onnx", "program.json")


def test_commit_moves_all_files_in(folder: Path) -> None:
    assert commit(NEW, folder) == folder / ARCHIVED
    assert_committed(folder, *SCORED)
    assert recover(folder) is None
    assert_committed(folder, *SCORED)


def test_commit_of_a_failure_removes_the_earlier_files(folder: Path) -> None:
    staging.remove(staging_dir(folder), (RESULT_NAME, *staging.RESULT_FILES))
    commit(lost(EARLIER), folder)
    assert_committed(folder, lost(EARLIER))


def test_commit_of_only_a_result_keeps_the_files(folder: Path) -> None:
    staging.remove(staging_dir(folder))
    commit(NEW, folder)
    found = visible(folder)
    assert set(found) == {RESULT_NAME, ARCHIVED, "program.pte", "frames/a.npz", "frames/gone.npz", "moments/a.wav"}
    assert contents(found) == {"earlier"}


def survives(step: int, change: Callable[[], object]) -> bool:
    """Whether the change ends if from this call on that changes the disk, counted from 0, each call raises Killed."""
    count = 0

    def counted(real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **kwargs: object) -> object:
            nonlocal count
            count += 1
            if count > step:
                raise Killed
            return real(*args, **kwargs)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in STEPS:
            patch.setattr(Path, name, counted(getattr(Path, name)))
        patch.setattr(staging.shutil, "rmtree", counted(shutil.rmtree))
        try:
            change()
        except Killed:
            return False
        return True


def clean(folder: Path) -> None:
    """What the next run removes first."""
    remove_partial_files(folder, staging_dir(folder), staging_dir(folder) / "frames")


def complete(result: Result, folder: Path) -> None:
    commit(result, folder) if staging_dir(folder).exists() else recover(folder)


@pytest.mark.parametrize(("stage", "committed"), [(stage_scored, SCORED), (stage_unscored, UNSCORED)])
def test_commit_killed_at_any_step_is_completed(stage: Callable[[Path], None], committed: Any, tmp_path: Path) -> None:
    """Killed at each step that changes the disk, and a second time at each step of the completion."""
    result, *names = committed
    for step in range(100):
        folder = tmp_path / str(step)
        stage(folder)
        before = visible(folder)
        survived = survives(step, partial(commit, result, folder))
        clean(folder)
        found = visible(folder)
        if staging_dir(folder).exists():  # not committed: nothing has changed
            assert found == before, step
        if RESULT_NAME in found:  # only its own files lie beside a result
            is_earlier = read_result(folder / RESULT_NAME) == EARLIER
            assert contents(found) == {"earlier" if is_earlier else "new"}, step
        for again in range(100):
            if survives(again, partial(complete, result, folder)):
                break
            clean(folder)
        assert_committed(folder, result, *names)
        if survived:
            assert step > 8
            return
    pytest.fail("never survived")


def test_recover_deletes_half_written_files(folder: Path) -> None:
    for name in (".", "frames", "pictures", "moments"):
        (staging_dir(folder) / name).mkdir(exist_ok=True)
        (staging_dir(folder) / name / ".workbench-0123456789abcdef.part").touch()
    recover(folder)
    assert not list(folder.rglob("*.part"))
    commit(NEW, folder)
    assert_committed(folder, *SCORED)


@pytest.mark.parametrize("text", ["", '{"schema_version": 2}'])
def test_recover_archives_a_committed_unreadable_result(folder: Path, text: str) -> None:
    before = visible(folder)
    staging_dir(folder).rename(folder / ".made")
    (folder / ".made" / RESULT_NAME).write_text(text)
    os.utime(folder / ".made" / RESULT_NAME, (0, 0))
    assert recover(folder) == folder / "result-19700101-000000.json"
    assert visible(folder) == {**before, "result-19700101-000000.json": text}
    assert recover(folder) is None
