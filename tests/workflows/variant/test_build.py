"""A program made in a folder that may have a record: what is in the way, and what goes where it fails."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.helpers.results import replaced, stored
from workbench.errors import LoweringError, ProgramError, WorkbenchError
from workbench.export.program_cache import write_program_notes
from workbench.measure.speed import ColdStart
from workbench.progress import Progress
from workbench.records.result import RESULT_NAME, write_record
from workbench.records.staging import staging_dir
from workbench.storage.atomic import write_atomic
from workbench.workflows.variant import build as building

FINGERPRINT = "f" * 64


@pytest.fixture
def job() -> Any:
    recipe = SimpleNamespace(lowering=SimpleNamespace(backend="xnnpack"), speed=SimpleNamespace(threads=1))
    return SimpleNamespace(program_fingerprint=FINGERPRINT, recipe=recipe)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A variant's folder: its record, the program of that fingerprint, and frames."""
    folder = tmp_path / "run" / "variant"
    write_record(stored(), folder)
    (folder / "frames").mkdir()
    (folder / "frames" / "a.npz").write_bytes(b"frames")
    (folder / "program.pte").write_bytes(b"a program")
    program = stored().program
    assert program is not None
    write_program_notes(
        folder, FINGERPRINT, program.model_copy(update={"sha256": hashlib.sha256(b"a program").hexdigest()})
    )
    return folder


def refusal(check: Callable[[], object]) -> str:
    with pytest.raises(WorkbenchError) as caught:
        check()
    return str(caught.value)


def test_a_record_s_program_is_not_replaced_by_another(folder: Path, job: Any) -> None:
    in_the_way = f"{folder}: has a record, whose program would be replaced; name another --out"
    building.check_no_result_replaced(folder, job)  # it is that very program
    assert refusal(lambda: building.check_no_result_replaced(folder, job, fresh=True)) == in_the_way
    assert refusal(lambda: building.check_no_result_replaced(folder)) == in_the_way
    job.program_fingerprint = "e" * 64
    assert refusal(lambda: building.check_no_result_replaced(folder, job)) == in_the_way
    (folder / RESULT_NAME).rename(staging_dir(folder))
    building.check_no_result_replaced(folder, job)


def test_nor_that_of_a_killed_run_which_had_finished(folder: Path, job: Any) -> None:
    (folder / ".made").mkdir()
    (folder / RESULT_NAME).rename(folder / ".made" / RESULT_NAME)
    assert refusal(lambda: building.check_no_result_replaced(folder, job, fresh=True)).startswith(
        f"{folder}: has a record"
    )
    assert (folder / RESULT_NAME).is_file()


def test_a_failure_takes_away_what_it_made_and_nothing_else(
    folder: Path, job: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise LoweringError("no")

    def crash(*_: object) -> None:
        raise ProgramError("it crashed the runtime")

    def makes(_: object, path: Path, *__: object) -> Any:
        write_atomic(path, b"another")
        return stored().program

    def left() -> dict[str, bytes | bool]:
        return {path.name: path.is_file() and path.read_bytes() for path in folder.rglob("*")}

    before = left()
    monkeypatch.setattr(building, "_export", refuse)
    with pytest.raises(LoweringError):
        building.build(job, folder, Progress(), fresh=True)
    assert left() == before, "nothing was made"
    monkeypatch.setattr(building, "unsupported_reason", lambda *_: "")
    monkeypatch.setattr(building, "trial_run", crash)
    with pytest.raises(ProgramError):
        building.build(job, folder, Progress())
    assert left() == before, "it is the record's"
    monkeypatch.setattr(building, "_export", makes)
    with pytest.raises(ProgramError):
        building.build(job, folder, Progress(), fresh=True)
    assert left() == before, "what is new was never run"


def test_the_earlier_program_stays_until_the_new_one_was_run(
    folder: Path, job: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[tuple[bytes, bytes]] = []

    def makes(_: object, path: Path, *__: object) -> Any:
        write_atomic(path, b"another")
        return replaced(stored().program, "sha256", hashlib.sha256(b"another").hexdigest())

    def starts(program: Path, *_: object) -> ColdStart:
        found.append(((folder / "program.pte").read_bytes(), program.read_bytes()))
        return ColdStart(1.0, 2.0, 3)

    job.check_unchanged = lambda: None
    job.program_fingerprint = "e" * 64
    (folder / "program.npz").touch()  # of yet another program
    monkeypatch.setattr(building, "_export", makes)
    monkeypatch.setattr(building, "unsupported_reason", lambda *_: "")
    monkeypatch.setattr(building, "trial_run", starts)
    program, _, reused = building.build(job, folder, Progress())
    assert found == [(b"a program", b"another")]
    assert program.is_intact_in(folder) and not reused
    assert building.build(job, folder, Progress())[2], "its notes came with it"
    assert {path.name for path in folder.iterdir()} == {RESULT_NAME, "frames", "program.pte", "program.json"}


def test_where_it_fails_it_is_called_by_its_folder(folder: Path, job: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(program: Path, *_: object) -> None:
        raise ProgramError(f"{program}: no")

    monkeypatch.setattr(building, "_export", lambda *_: stored().program)
    monkeypatch.setattr(building, "unsupported_reason", lambda *_: "")
    monkeypatch.setattr(building, "trial_run", crash)
    assert refusal(lambda: building.build(job, folder, Progress(), fresh=True)) == f"{folder}/program.pte: no"


def test_what_changed_meanwhile_is_not_noted(folder: Path, job: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def changed() -> None:
        raise WorkbenchError("own.ckpt: changed while it was used; run again")

    job.check_unchanged = changed
    job.program_fingerprint = "e" * 64
    monkeypatch.setattr(building, "_export", lambda *_: stored().program)
    monkeypatch.setattr(building, "unsupported_reason", lambda *_: "not here")
    store, notes = folder.parent / "store", (folder / "program.json").read_bytes()
    assert "changed" in refusal(lambda: building.build(job, folder, Progress(), store=store))
    assert (folder / "program.json").read_bytes() == notes
    assert not store.exists()
