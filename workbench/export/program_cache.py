"""Cached programs: in the folder of a variant, and in a store with one folder per fingerprint.

A fingerprint is a hash of everything that a program is built from. `program.json` is written last; it has the
fingerprint and the SHA-256 of each file. A program is used only if both match. One that is damaged, or was built from
other inputs, is built again.
"""

import json
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from workbench.export.program_file import ProgramFile
from workbench.storage.atomic import write_atomic
from workbench.storage.cache_entries import mark_used, remove_least_used
from workbench.storage.hashing import sha256_of

NOTES_NAME = "program.json"
MOST_STORED_BYTES = 1_000_000_000  # some two hundred programs


class CachedProgram(NamedTuple):
    """A program that was built before, with the contents of its files by name."""

    program: ProgramFile
    contents: dict[str, bytes]


def find_program(folder: Path, fingerprint: str) -> CachedProgram | None:
    """Returns the program in a folder if its files are intact and it has this fingerprint, else None."""
    try:
        notes = json.loads((folder / NOTES_NAME).read_bytes())
        program = ProgramFile.model_validate(notes["program"])
        contents = {name: (folder / name).read_bytes() for name in program.files}
        same_inputs = notes["fingerprint"] == fingerprint
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    intact = all(sha256_of(contents[name]) == sha256 for name, sha256 in program.files.items())
    return CachedProgram(program, contents) if same_inputs and intact else None


def write_program_notes(folder: Path, fingerprint: str, program: ProgramFile) -> None:
    """Writes `program.json`: the fingerprint and the record of the program in a folder."""
    notes = {"fingerprint": fingerprint, "program": program.model_dump(mode="json")}
    write_atomic(folder / NOTES_NAME, (json.dumps(notes, indent=2) + "\n").encode())


def cache_dir(store: Path, fingerprint: str) -> Path:
    """Returns the folder of a store for the program of a fingerprint."""
    return store / fingerprint


def store_program(
    store: Path, fingerprint: str, folder: Path, fresh: bool = False, max_bytes: int = MOST_STORED_BYTES
) -> None:
    """Copies the folder's program into a store, unless it is there; `fresh` replaces it.

    The least recently used entries are removed while the store has more than `max_bytes`. An OSError is ignored, so
    that a build does not fail if the store is full or read-only, or if another process removes entries meanwhile.
    """
    entry = cache_dir(store, fingerprint)
    with suppress(OSError):
        if fresh or find_program(entry, fingerprint) is None:
            found = find_program(folder, fingerprint)
            if found is not None:
                for name, content in found.contents.items():
                    write_atomic(entry / name, content)
                write_atomic(entry / NOTES_NAME, (folder / NOTES_NAME).read_bytes())
        mark_used(entry)
        remove_least_used(store, max_bytes, keep=entry)
