"""Programs kept by what they were made from: used only where they are whole and nothing changed."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from tests.helpers.results import stored
from workbench.export.program_cache import NOTES_NAME, cache_dir, find_program, store_program, write_program_notes
from workbench.export.program_file import HOST_NAME, PTE_NAME, ProgramFile, with_host_file

CONTENT = b"a program"
FINGERPRINT = "f" * 64


def program_of(content: bytes) -> ProgramFile:
    program = stored().program
    assert program is not None
    return program.model_copy(update={"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A variant's folder with a program."""
    folder = tmp_path / "run" / "variant"
    folder.mkdir(parents=True)
    (folder / PTE_NAME).write_bytes(CONTENT)
    write_program_notes(folder, FINGERPRINT, program_of(CONTENT))
    return folder


def test_a_program_is_found_by_what_it_was_made_from(folder: Path) -> None:
    assert find_program(folder, FINGERPRINT) == (program_of(CONTENT), {PTE_NAME: CONTENT})
    assert find_program(folder, "e" * 64) is None
    assert find_program(folder / "none", FINGERPRINT) is None


@pytest.mark.parametrize("name", [PTE_NAME, NOTES_NAME])
@pytest.mark.parametrize("at", [0, -1])
def test_a_flipped_byte_is_not_used(name: str, at: int, folder: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    store_program(store, FINGERPRINT, folder)
    path = cache_dir(store, FINGERPRINT) / name
    content = bytearray(path.read_bytes())
    content[at] ^= 0x80
    path.write_bytes(content)
    assert find_program(cache_dir(store, FINGERPRINT), FINGERPRINT) is None
    store_program(store, FINGERPRINT, folder)  # and is replaced
    assert find_program(cache_dir(store, FINGERPRINT), FINGERPRINT) == (program_of(CONTENT), {PTE_NAME: CONTENT})


def test_the_notes_of_another_program_do_not_do(folder: Path) -> None:
    """Killed between the two files: the new program with the earlier one's notes."""
    (folder / PTE_NAME).write_bytes(b"another")
    assert find_program(folder, FINGERPRINT) is None


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", '{"fingerprint": 1, "program": 2}', "\0"])
def test_what_is_no_note(text: str, folder: Path) -> None:
    (folder / NOTES_NAME).write_text(text)
    assert find_program(folder, FINGERPRINT) is None


def test_fresh_replaces_what_is_there(folder: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    store_program(store, FINGERPRINT, folder)
    (folder / PTE_NAME).write_bytes(b"rebuilt")
    write_program_notes(folder, FINGERPRINT, program_of(b"rebuilt"))
    store_program(store, FINGERPRINT, folder)
    assert find_program(cache_dir(store, FINGERPRINT), FINGERPRINT) == (program_of(CONTENT), {PTE_NAME: CONTENT})
    store_program(store, FINGERPRINT, folder, fresh=True)
    assert find_program(cache_dir(store, FINGERPRINT), FINGERPRINT) == (
        program_of(b"rebuilt"),
        {PTE_NAME: b"rebuilt"},
    )


def test_the_store_is_bounded_and_the_least_lately_used_go(folder: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    names = ["a" * 64, "b" * 64, "c" * 64]
    for at, name in enumerate(names):
        write_program_notes(folder, name, program_of(CONTENT))
        store_program(store, name, folder)
        os.utime(store / name, (at, at))
    size = sum(path.stat().st_size for path in (store / names[0]).iterdir())
    write_program_notes(folder, names[0], program_of(CONTENT))
    store_program(store, names[0], folder, max_bytes=2 * size)  # used now: the second is the one that goes
    assert sorted(path.name for path in store.iterdir()) == [names[0], names[2]]
    store_program(store, names[0], folder, max_bytes=0)  # what was just used stays, whatever its size
    assert [path.name for path in store.iterdir()] == [names[0]]
    assert json.loads((store / names[0] / NOTES_NAME).read_text())["fingerprint"] == names[0]


def test_a_store_that_cannot_be_written_fails_nothing(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file where a folder should be")
    store_program(tmp_path / "store", FINGERPRINT, folder)
    assert find_program(folder, FINGERPRINT) is not None


def test_no_file_takes_the_place_of_an_entry(folder: Path, tmp_path: Path) -> None:
    """Where there is nothing to keep, as another process is at the folder: a file would be in the way for ever."""
    store = tmp_path / "store"
    store.mkdir()
    (store / ".DS_Store").write_text("a file manager's")
    store_program(store, "e" * 64, folder)
    assert [path.name for path in store.iterdir()] == [".DS_Store"]
    store_program(store, FINGERPRINT, folder, max_bytes=0)
    assert find_program(cache_dir(store, FINGERPRINT), FINGERPRINT) is not None


def test_what_was_half_written_long_ago_goes(folder: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    store_program(store, FINGERPRINT, folder)
    old, new = (
        cache_dir(store, FINGERPRINT) / name
        for name in (".workbench-00000000000000ff.part", ".workbench-0123456789abcdef.part")
    )
    for part in (old, new):
        part.write_bytes(b"half")
    os.utime(old, (0, 0))
    store_program(store, FINGERPRINT, folder)
    assert (old.exists(), new.exists()) == (False, True)


def test_what_the_host_needs_beside_it_is_kept_with_it(folder: Path, tmp_path: Path) -> None:
    hybrid = with_host_file(program_of(CONTENT), HOST_NAME, b"kernels")
    (folder / HOST_NAME).write_bytes(b"kernels")
    write_program_notes(folder, FINGERPRINT, hybrid)
    store_program(tmp_path / "store", FINGERPRINT, folder)
    place = cache_dir(tmp_path / "store", FINGERPRINT)
    assert find_program(place, FINGERPRINT) == (hybrid, {PTE_NAME: CONTENT, HOST_NAME: b"kernels"})
    (place / HOST_NAME).write_bytes(b"others")
    assert find_program(place, FINGERPRINT) is None
