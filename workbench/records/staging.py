"""A variant's folder while its files are made anew: they lie in `.making` until the record is there, and move in then.

So whoever reads the folder, and a run that is killed at any moment, finds the earlier files or the new ones, never some
of each. Renaming `.making` to `.made` is the one step that decides: before it a new run goes on with what is there,
after it the next one first does what is left. What is earlier goes while it is called `.made`, and what is new comes in
while it is called `.moving`: so that neither is taken for the other.
"""

import shutil
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.export.program_cache import NOTES_NAME
from workbench.export.program_file import FILE_NAMES
from workbench.records.result import RESULT_NAME, Result, read_record, write_record
from workbench.records.resume import SCORES_NAME
from workbench.records.run_folders import archive_result, set_aside_unread
from workbench.records.worst_moments import MOMENTS_FOLDER
from workbench.storage.atomic import remove_partial_files

FIGURES = (SCORES_NAME, "frames", "pictures", MOMENTS_FOLDER)
"""What scoring leaves. The scores go first: they are taken for what is in the folders."""
RESULT_FILES = (*FILE_NAMES, NOTES_NAME, *FIGURES)
"""The files and folders that belong to a record."""

_MAKING, _MADE, _MOVING = ".making", ".made", ".moving"


def staging_dir(folder: Path) -> Path:
    """Where the new files of a variant's folder are made."""
    return folder / _MAKING


def commit(record: Result, folder: Path) -> Path | None:
    """Store the record, and move it in with all that was made for it. Returns where the earlier record is kept, None
    where none has to be."""
    write_record(record, staging_dir(folder))
    (staging_dir(folder) / SCORES_NAME).unlink(missing_ok=True)
    staging_dir(folder).rename(folder / _MADE)
    return recover(folder)


def recover(folder: Path) -> Path | None:
    """Move in what a finished run, maybe one that was killed, made; nothing where there is none. What it half wrote
    where files are made goes.

    Every step can be the last one: the record goes out first and comes in last. Returns where an earlier record is
    kept, or a finished one that cannot be read: then the folder stays as it was.
    """
    remove_partial_files(staging_dir(folder), *(staging_dir(folder) / name for name in FIGURES))
    made, moving = folder / _MADE, folder / _MOVING
    kept = None
    if (made / RESULT_NAME).is_file():
        try:
            record = read_record(made / RESULT_NAME)
        except WorkbenchError:
            kept = set_aside_unread(made / RESULT_NAME, folder)
        else:
            kept = archive_result(record, folder)
            if record.deviation is None or len(list(made.iterdir())) > 1:
                remove(folder)  # but not where figures came alone: other times of the same files
            made.rename(moving)
    if (moving / RESULT_NAME).is_file():
        for new in sorted(moving.iterdir()):
            if new.name != RESULT_NAME:
                new.replace(folder / new.name)
        (moving / RESULT_NAME).replace(folder / RESULT_NAME)
    for place in (made, moving):
        shutil.rmtree(place, ignore_errors=True)
    return kept


def remove(folder: Path, names: tuple[str, ...] = RESULT_FILES) -> None:
    """Take those files and folders away."""
    for name in names:
        if (folder / name).is_dir():
            shutil.rmtree(folder / name)
        else:
            (folder / name).unlink(missing_ok=True)
