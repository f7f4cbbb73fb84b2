"""Staging: the new files of a variant lie in a hidden folder until its result is complete, and move in together.

A reader of the variant's folder finds the old files or the new ones, never some of each, also after a crash. The
staging folder is named `.making`. Renaming it to `.made` is the step that commits: a crash before it leaves the old
files, and the next run continues in the staging folder. The old files are deleted while the staging folder is named
`.made`; the new files are moved in while it is named `.moving`. A crash in either phase is completed by `recover`.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.export.program_cache import NOTES_NAME
from workbench.export.program_file import FILE_NAMES
from workbench.records.result import (
    FRAMES_FOLDER,
    MOMENTS_FOLDER,
    PICTURES_FOLDER,
    RESULT_NAME,
    Result,
    read_result,
    write_result,
)
from workbench.records.run_folders import archive_result, archive_unreadable_result
from workbench.records.unfinished.scores import SCORES_NAME
from workbench.storage.atomic import remove_partial_files

SCORE_FILES = (SCORES_NAME, FRAMES_FOLDER, PICTURES_FOLDER, MOMENTS_FOLDER)
"""What scoring writes, in the order of removal: the scores go first, because they refer to the rest."""
RESULT_FILES = (*FILE_NAMES, NOTES_NAME, *SCORE_FILES)
"""The files and folders that belong to a result."""

_MAKING, _MADE, _MOVING = ".making", ".made", ".moving"


def staging_dir(folder: Path) -> Path:
    """The staging folder of a variant's folder."""
    return folder / _MAKING


def commit(result: Result, folder: Path) -> Path | None:
    """Writes the result and moves it into the variant's folder with all files in the staging folder.

    Returns:
        The path of the archived earlier result, or None if there was none to archive.
    """
    staging = staging_dir(folder)
    write_result(result, staging)
    (staging / SCORES_NAME).unlink(missing_ok=True)
    staging.rename(folder / _MADE)
    return recover(folder)


def recover(folder: Path) -> Path | None:
    """Completes the commit of an earlier run that was killed, if there is one. Deletes half-written staged files.

    Each step may be the last one before another kill: the old result goes first and the new one comes in last.

    Returns:
        The path of an archived result: the earlier one, or a committed one that cannot be read; the folder then keeps
        its old files. None if nothing was archived.
    """
    staging, made, moving = staging_dir(folder), folder / _MADE, folder / _MOVING
    remove_partial_files(staging, *(staging / name for name in SCORE_FILES))
    archived = None
    if (made / RESULT_NAME).is_file():
        try:
            result = read_result(made / RESULT_NAME)
        except WorkbenchError:
            archived = archive_unreadable_result(made / RESULT_NAME, folder)
        else:
            archived = archive_result(result, folder)
            is_only_retimed = result.deviation is not None and len(list(made.iterdir())) == 1
            if not is_only_retimed:  # else program and frames stay
                remove(folder)
            made.rename(moving)
    if (moving / RESULT_NAME).is_file():
        for path in sorted(moving.iterdir()):
            if path.name != RESULT_NAME:
                path.replace(folder / path.name)
        (moving / RESULT_NAME).replace(folder / RESULT_NAME)
    for leftover in (made, moving):
        shutil.rmtree(leftover, ignore_errors=True)
    return archived


def remove(folder: Path, names: Sequence[str] = RESULT_FILES) -> None:
    """Deletes these files and folders of a variant's folder, as far as they exist."""
    for name in names:
        if (folder / name).is_dir():
            shutil.rmtree(folder / name)
        else:
            (folder / name).unlink(missing_ok=True)
