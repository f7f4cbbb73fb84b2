"""Programs that were made before, with what they were made from: in a variant's folder, and in a store by fingerprint.

`program.json` is written last and has the fingerprint and the SHA-256: a program counts only where both are right, so
that a damaged one, or one made from other things, is made again.
"""

import hashlib
import json
import os
import shutil
from contextlib import suppress
from pathlib import Path

from workbench.export.program_file import ProgramFile
from workbench.storage.atomic import remove_stale_partial_files, write_atomic

NOTES_NAME = "program.json"
MOST_STORED_BYTES = 1_000_000_000  # some two hundred programs


def find_program(folder: Path, fingerprint: str) -> tuple[ProgramFile, dict[str, bytes]] | None:
    """The program in a folder and its files, where they are whole and were made from those very things."""
    try:
        stored = json.loads((folder / NOTES_NAME).read_bytes())
        program = ProgramFile.model_validate(stored["program"])
        contents = {name: (folder / name).read_bytes() for name in program.files}
        same = stored["fingerprint"] == fingerprint
        same = same and all(hashlib.sha256(contents[name]).hexdigest() == sha for name, sha in program.files.items())
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return (program, contents) if same else None


def write_program_notes(folder: Path, fingerprint: str, program: ProgramFile) -> None:
    """Say what the program in a folder was made from."""
    content = {"fingerprint": fingerprint, "program": program.model_dump(mode="json")}
    write_atomic(folder / NOTES_NAME, (json.dumps(content, indent=2) + "\n").encode())


def cache_dir(store: Path, fingerprint: str) -> Path:
    """The folder of a store that has, or would have, the program of a fingerprint."""
    return store / fingerprint


def store_program(
    store: Path, fingerprint: str, folder: Path, fresh: bool = False, most_bytes: int = MOST_STORED_BYTES
) -> None:
    """Put the folder's program into a store, unless it is there; `fresh` replaces it. The entries that were used least
    lately go where all are more than `most_bytes` together."""
    place = cache_dir(store, fingerprint)
    with suppress(OSError):  # a store that is full, not ours to write, or tidied by another process, fails no build
        if (fresh or find_program(place, fingerprint) is None) and (made := find_program(folder, fingerprint)):
            for name, content in made[1].items():
                write_atomic(place / name, content)
            write_atomic(place / NOTES_NAME, (folder / NOTES_NAME).read_bytes())
        if place.is_dir():
            os.utime(place)
        total = 0
        entries = [other for other in store.iterdir() if other.is_dir()]
        for other in sorted(entries, key=lambda other: other.stat().st_mtime, reverse=True):
            remove_stale_partial_files(other)
            total += sum(file.stat().st_size for file in other.iterdir())
            if total > most_bytes and other != place:
                shutil.rmtree(other, ignore_errors=True)
