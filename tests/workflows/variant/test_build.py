"""A program built in a folder that may have a result: what is refused, what is reused, and what a failure leaves."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.helpers.results import replaced, stored
from workbench.errors import ChangedError, LoweringError, ProgramError, WorkbenchError
from workbench.export.program_cache import write_program_notes
from workbench.export.program_file import ProgramFile
from workbench.measure.speed import ColdStart
from workbench.progress import Progress
from workbench.records.result import RESULT_NAME, write_result
from workbench.storage.atomic import write_atomic
from workbench.storage.hashing import sha256_of
from workbench.workflows.variant import build as building
from workbench.workflows.variant.build import build, check_no_result_replaced

FINGERPRINT, OTHER = "f" * 64, "e" * 64


def program_of(content: bytes) -> ProgramFile:
    program = replaced(stored().program, "sha256", sha256_of(content))
    assert isinstance(program, ProgramFile)
    return program


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
    """The steps of a build, replaced: it exports `content`, and the first run calls `first_run(path)`."""

    def export(_: object, path: Path, *__: object) -> ProgramFile:
        if isinstance(fake.content, Exception):
            raise fake.content
        write_atomic(path, fake.content)
        return program_of(fake.content)

    fake = SimpleNamespace(content=b"another", first_run=lambda _: ColdStart(1.0, 2.0, 3))
    monkeypatch.setattr(building, "_export", export)
    monkeypatch.setattr(building, "unsupported_reason", lambda *_: "")
    monkeypatch.setattr(building, "trial_run", lambda path, *_: fake.first_run(path))
    return fake


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def crash(path: Path) -> None:
    raise ProgramError(f"{path}: it crashed")


@pytest.mark.parametrize(
    ("fingerprint", "fresh", "refused"),
    [(FINGERPRINT, False, False), (FINGERPRINT, True, True), (OTHER, False, True), (None, False, True)],
    ids=["same program", "fresh", "other program", "no variant"],
)
@pytest.mark.parametrize("killed", [False, True])
def test_result_of_another_program_is_not_replaced(
    fingerprint: str | None, fresh: bool, refused: bool, killed: bool, folder: Path, variant: Any
) -> None:
    if killed:  # after it had finished, before its files were moved in
        (folder / ".made").mkdir()
        (folder / RESULT_NAME).rename(folder / ".made" / RESULT_NAME)
    variant.program_fingerprint = fingerprint
    arguments = (folder, variant if fingerprint else None, fresh)
    if refused:
        with pytest.raises(WorkbenchError) as caught:
            check_no_result_replaced(*arguments)
        assert str(caught.value) == f"{folder}: has a result, whose program would be replaced; choose another --out"
        (folder / RESULT_NAME).unlink()
    check_no_result_replaced(*arguments)


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("fails", ["export", "first run"])
def test_build_that_fails_leaves_the_folder_as_it_was(
    fails: str, fresh: bool, folder: Path, variant: Any, exporter: SimpleNamespace
) -> None:
    before = files(folder)
    if fails == "export":
        exporter.content = LoweringError("no")
        variant.program_fingerprint = OTHER
    else:
        exporter.first_run = crash
    with pytest.raises((LoweringError, ProgramError)) as caught:
        build(variant, folder, Progress(), fresh=fresh)
    assert files(folder) == before
    if fails == "first run":
        assert str(caught.value) == f"{folder}/program.pte: it crashed", "not the staging folder"


def test_earlier_program_stays_until_the_first_run(folder: Path, variant: Any, exporter: SimpleNamespace) -> None:
    seen: list[tuple[bytes, bytes]] = []

    def first_run(path: Path) -> ColdStart:
        seen.append(((folder / "program.pte").read_bytes(), path.read_bytes()))
        return ColdStart(1.0, 2.0, 3)

    exporter.first_run = first_run
    variant.program_fingerprint = OTHER
    (folder / "program.npz").touch()  # of yet another program
    built = build(variant, folder, Progress())
    assert seen == [(b"a program", b"another")]
    assert built.program.is_intact_in(folder) and not built.reused
    assert build(variant, folder, Progress()).reused, "the notes were moved in too"
    assert {path.name for path in folder.iterdir()} == {RESULT_NAME, "frames", "program.pte", "program.json"}


@pytest.mark.parametrize("spoilt", ["program.pte", "program.json"])
@pytest.mark.parametrize("how", ["missing", "cut", "other"])
def test_spoilt_program_is_exported_again(
    spoilt: str, how: str, folder: Path, variant: Any, exporter: SimpleNamespace
) -> None:
    path = folder / spoilt
    if how == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-3] if how == "cut" else b"[]")
    assert not build(variant, folder, Progress()).reused
    assert build(variant, folder, Progress()).reused


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


def test_build_of_changed_inputs_is_not_kept(folder: Path, variant: Any, exporter: SimpleNamespace) -> None:
    def changed() -> None:
        raise ChangedError("own.ckpt: changed")

    variant.check_unchanged, variant.program_fingerprint = changed, OTHER
    store, before = folder.parent / "store", files(folder)
    with pytest.raises(ChangedError):
        build(variant, folder, Progress(), store=store)
    assert files(folder) == before
    assert not store.exists()
