"""A program built in a folder that may have a result: what is refused, what is reused, and what a failure leaves."""

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from tests.helpers.records.results import stored
from tests.helpers.variants import files
from workbench.errors import ChangedError, LoweringError, ProgramError, WorkbenchError
from workbench.export.program_cache import write_program_notes
from workbench.export.program_file import ProgramFile
from workbench.progress import Progress
from workbench.records.result import RESULT_NAME, write_result
from workbench.storage.atomic import write_atomic
from workbench.storage.hashing import sha256_of
from workbench.workflows.variant import build as building
from workbench.workflows.variant.build import build, check_no_result_replaced

FINGERPRINT, OTHER = "f" * 64, "e" * 64
LOAD_MS = 1.0


def program_of(content: bytes) -> ProgramFile:
    program = stored().program
    assert program is not None
    return program.replace(sha256=sha256_of(content))


@pytest.fixture
def variant() -> Any:
    recipe = SimpleNamespace(lowering=SimpleNamespace(backend="xnnpack"), speed=SimpleNamespace(threads=1))
    return SimpleNamespace(program_fingerprint=FINGERPRINT, recipe=recipe, check_unchanged=lambda: None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A variant's folder: its result, the program of FINGERPRINT, and frames."""
    folder = tmp_path / "run" / "variant"
    write_result(stored(), folder)
    write_atomic(folder / "frames" / "a.npz", b"frames")
    write_atomic(folder / "program.pte", b"a program")
    write_program_notes(folder, FINGERPRINT, program_of(b"a program"))
    return folder


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The steps of a build, replaced: `content()` is exported, and `first_run(path)` is the first run."""

    def export(_: object, path: Path, *__: object) -> ProgramFile:
        content = fake.content()
        write_atomic(path, content)
        return program_of(content)

    fake = SimpleNamespace(content=lambda: b"another", first_run=lambda _: LOAD_MS)
    monkeypatch.setattr(building, "_export", export)
    monkeypatch.setattr(building, "unsupported_reason", lambda *_: "")
    monkeypatch.setattr(building, "trial_run", lambda path, *_: fake.first_run(path))
    return fake


@pytest.mark.parametrize(
    ("fingerprint", "fresh", "refused"),
    [(FINGERPRINT, False, False), (FINGERPRINT, True, True), (OTHER, False, True), (None, False, True)],
    ids=["same program", "fresh", "other program", "no variant"],
)
def test_result_of_another_program_is_not_replaced(
    fingerprint: str | None, fresh: bool, refused: bool, folder: Path, variant: Any
) -> None:
    variant.program_fingerprint = fingerprint
    arguments = (folder, variant if fingerprint else None, fresh)
    expected = pytest.raises(WorkbenchError, match="would be replaced") if refused else nullcontext()
    with expected:
        check_no_result_replaced(*arguments)
    (folder / ".made").mkdir()  # of a run that was killed after it had finished, before its files were moved in
    (folder / RESULT_NAME).rename(folder / ".made" / RESULT_NAME)
    with expected:
        check_no_result_replaced(*arguments)
    (folder / RESULT_NAME).unlink(missing_ok=True)
    check_no_result_replaced(*arguments)


@pytest.mark.parametrize(
    ("step", "error", "fingerprint", "fresh"),
    [
        ("content", LoweringError("no"), OTHER, False),
        ("check_unchanged", ChangedError("own.ckpt: changed"), OTHER, False),
        ("first_run", ProgramError("{folder}/.making/program.pte: it crashed"), FINGERPRINT, True),
        ("first_run", ProgramError("{folder}/program.pte: it crashed"), FINGERPRINT, False),
    ],
    ids=["export", "changed inputs", "first run", "first run of the same program"],
)
def test_build_that_fails_leaves_the_folder_as_it_was(
    step: str, error: Exception, fingerprint: str, fresh: bool, folder: Path, variant: Any, exporter: SimpleNamespace
) -> None:
    before, store, variant.program_fingerprint = files(folder), folder.parent / "store", fingerprint
    raised = type(error)(str(error).format(folder=folder))
    setattr(variant if step == "check_unchanged" else exporter, step, Mock(side_effect=raised))
    with pytest.raises(type(error)) as caught:
        build(variant, folder, Progress(), fresh, store)
    assert ".making" not in str(caught.value), "it names the folder that the user knows"
    assert (files(folder), store.exists()) == (before, False)


def test_earlier_program_stays_until_the_first_run(folder: Path, variant: Any, exporter: SimpleNamespace) -> None:
    def first_run(path: Path) -> float:
        assert ((folder / "program.pte").read_bytes(), path.read_bytes()) == (b"a program", b"another")
        return LOAD_MS

    exporter.first_run = first_run
    variant.program_fingerprint = OTHER
    (folder / "program.npz").touch()  # of yet another program
    built = build(variant, folder, Progress())
    assert built.program.is_intact_in(folder) and not built.reused
    exporter.first_run = lambda _: LOAD_MS
    assert build(variant, folder, Progress()).reused, "the notes were moved in too"
    assert {path.name for path in folder.iterdir()} == {RESULT_NAME, "frames", "program.pte", "program.json"}


def test_store_serves_other_folders(tmp_path: Path, variant: Any, exporter: SimpleNamespace) -> None:
    store = tmp_path / "store"

    def reused(name: str, **options: bool) -> bool:
        return build(variant, tmp_path / name, Progress(), store=store, **options).reused

    assert [reused("a"), reused("b")] == [False, True]
    assert files(tmp_path / "a") == files(tmp_path / "b")
    (entry,) = store.iterdir()
    (entry / "program.pte").write_bytes(b"cut")
    assert [reused("c"), reused("d", fresh=True)] == [False, False]
    variant.program_fingerprint = OTHER
    assert not reused("e")
    assert len(list(store.iterdir())) == 2
