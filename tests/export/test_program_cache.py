"""Cached programs: used only if their files are intact and nothing that they were built from changed."""

import os
from pathlib import Path

import pytest

from tests.helpers.records.results import stored
from workbench.export.program_cache import NOTES_NAME, cache_dir, find_program, store_program, write_program_notes
from workbench.export.program_file import HOST_NAME, PTE_NAME, ProgramFile, with_host_file
from workbench.storage.hashing import sha256_of

CONTENT, HOST_CONTENT = b"a program", b"kernels"
FINGERPRINT, OTHER = "f" * 64, "e" * 64


def program_of(content: bytes) -> ProgramFile:
    """The record of a program with a host's file."""
    program = stored().program
    assert program is not None
    return with_host_file(program.replace(sha256=sha256_of(content), bytes=len(content)), HOST_NAME, HOST_CONTENT)


def found(content: bytes) -> tuple[ProgramFile, dict[str, bytes]]:
    return program_of(content), {PTE_NAME: content, HOST_NAME: HOST_CONTENT}


def cached(store: Path) -> tuple[ProgramFile, dict[str, bytes]] | None:
    return find_program(cache_dir(store, FINGERPRINT), FINGERPRINT)


def build(folder: Path, content: bytes, fingerprint: str = FINGERPRINT) -> None:
    (folder / PTE_NAME).write_bytes(content)
    (folder / HOST_NAME).write_bytes(HOST_CONTENT)
    write_program_notes(folder, fingerprint, program_of(content))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A variant's folder with a program."""
    (tmp_path / "variant").mkdir()
    build(tmp_path / "variant", CONTENT)
    return tmp_path / "variant"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


def test_program_is_found_by_its_fingerprint(folder: Path) -> None:
    results = [find_program(folder, FINGERPRINT), find_program(folder, OTHER), find_program(folder.parent, FINGERPRINT)]
    assert results == [found(CONTENT), None, None]


@pytest.mark.parametrize("name", [PTE_NAME, HOST_NAME, NOTES_NAME])
@pytest.mark.parametrize("content", [b"", b"[]", b'{"fingerprint": 1, "program": 2}', b"\xff"])
def test_damaged_program_is_replaced(name: str, content: bytes, folder: Path, store: Path) -> None:
    store_program(store, FINGERPRINT, folder)
    (cache_dir(store, FINGERPRINT) / name).write_bytes(content)
    assert cached(store) is None
    store_program(store, FINGERPRINT, folder)
    assert cached(store) == found(CONTENT)


def test_fresh_replaces_a_stored_program(folder: Path, store: Path) -> None:
    store_program(store, FINGERPRINT, folder)
    build(folder, b"rebuilt")
    store_program(store, FINGERPRINT, folder)
    assert cached(store) == found(CONTENT)
    store_program(store, FINGERPRINT, folder, fresh=True)
    assert cached(store) == found(b"rebuilt")


def test_least_recently_used_programs_are_removed(folder: Path, store: Path) -> None:
    names = ["a" * 64, "b" * 64, "c" * 64]
    for index, name in enumerate(names):
        build(folder, CONTENT, name)
        store_program(store, name, folder)
        os.utime(store / name, (index, index))
    (store / "mine").mkdir()  # no entry, so it stays
    size = sum(path.stat().st_size for path in (store / names[0]).iterdir())
    partial = store / names[0] / f".workbench-{'0' * 16}.part"
    partial.write_bytes(b"half")
    os.utime(partial, (0, 0))
    store_program(store, names[0], folder, max_bytes=2 * size)  # used now, so the second is removed
    assert sorted(path.name for path in store.iterdir()) == [names[0], names[2], "mine"]
    assert not partial.exists()
    store_program(store, names[0], folder, max_bytes=0)  # what was just used stays, whatever the limit
    assert sorted(path.name for path in store.iterdir()) == [names[0], "mine"]
    assert find_program(store / names[0], names[0]) == found(CONTENT)


def test_store_that_cannot_be_written_is_ignored(folder: Path, store: Path) -> None:
    store.write_text("a file where a folder should be")
    store_program(store, FINGERPRINT, folder)
    assert find_program(folder, FINGERPRINT) is not None


def test_entry_is_made_only_for_a_program(folder: Path, store: Path) -> None:
    """Another process may have emptied the folder; an empty entry would never be filled."""
    store.mkdir()
    (store / ".DS_Store").write_text("a file manager's")
    store_program(store, OTHER, folder)
    assert [path.name for path in store.iterdir()] == [".DS_Store"]
    store_program(store, FINGERPRINT, folder, max_bytes=0)
    assert cached(store) is not None
