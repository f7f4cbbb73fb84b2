"""Records as runs left them on disk: a folder for each run, in it one for each variant, in that `result.json`."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.records.result import RESULT_NAME, Result, read_record
from workbench.storage.json_files import unused_name

_FILE_FOLDERS = ("frames", "pictures", "moments")


@dataclass(frozen=True)
class StoredResult:
    """A record, the variant's folder that it lies in, and the run it belongs to.

    `current`: it is the folder's `result.json`, so that frames, moments and pictures there are its own. Of a record
    that a later run took the place of, program and all are gone.
    """

    record: Result
    folder: Path
    run: str
    current: bool = True


def find_results(places: Sequence[Path]) -> list[StoredResult]:
    """Returns all results below the places, as they are stored, in order and none twice.

    Args:
        places: runs, folders of variants, or `result.json` files.

    Raises:
        WorkbenchError: if a place does not exist or holds no result, or if a result cannot be read.
    """
    found: dict[Path, StoredResult] = {}
    for place in places:
        if not place.exists():
            raise WorkbenchError(f"{place}: no such file or folder; `workbench runs` lists what there is")
        paths = [place] if place.is_file() else _below(place)
        if not paths:
            raise WorkbenchError(f"{place}: no {RESULT_NAME} in it; `workbench run` leaves one for each variant")
        for path in paths:
            folder = path.parent  # its parent by the text alone may be called ".."
            run, current = folder.resolve().parent.name, path.name == RESULT_NAME
            found[path.resolve()] = StoredResult(read_record(path), folder, run, current)
    return list(found.values())


def _below(root: Path) -> list[Path]:
    """Returns every `result.json` below, sorted.

    Hidden folders hold results that are not finished. A variant's frames, pictures and moments are many files and hold
    no result. Neither is searched.
    """
    found = []
    for folder, subfolders, files in os.walk(root):
        skipped = _FILE_FOLDERS if RESULT_NAME in files else ()
        subfolders[:] = [name for name in subfolders if not name.startswith(".") and name not in skipped]
        if RESULT_NAME in files:
            found.append(Path(folder, RESULT_NAME))
    return sorted(found)


def unique_names(kept: Sequence[StoredResult]) -> list[str]:
    """A name for each record, none twice: its recipe's, with the run's before it where two share one, counted where
    even that is not enough."""
    plain = [one.record.recipe.name for one in kept]
    names = [name if plain.count(name) == 1 else f"{one.run}/{name}" for one, name in zip(kept, plain, strict=True)]
    return [
        name if names.count(name) == 1 else f"{name} ({names[: at + 1].count(name)})" for at, name in enumerate(names)
    ]


@dataclass(frozen=True)
class Run:
    """One run: its records in the order of their folders' names, and a line for each that cannot be read."""

    folder: Path
    kept: tuple[StoredResult, ...]
    unreadable: tuple[str, ...] = ()

    @property
    def created(self) -> str:
        """When its newest record was begun, ISO 8601 in UTC; "" without records."""
        return max((kept.record.created for kept in self.kept), default="")


def runs_in(folder: Path) -> list[Run]:
    """All runs below the folder, by name, also those that have left no record yet: killed early, or still at work.

    Raises WorkbenchError where there is no such folder. A record that cannot be read is named, and no reason to stop.
    """
    if not folder.is_dir():
        raise WorkbenchError(f"{folder}: no such folder; `workbench run` makes outputs/, or name another")
    paths = _below(folder)
    places = {path.parent.parent for path in paths}
    without = {
        child
        for child in folder.iterdir()
        if child.is_dir() and not child.name.startswith(".") and not any(child in path.parents for path in paths)
    }
    if folder in places:  # a run itself, and so its children are variants
        without.clear()
    return [_run(place, [path for path in paths if path.parent.parent == place]) for place in sorted(places | without)]


def run_in(folder: Path) -> Run:
    """The run in that very folder; without records where there is none."""
    return _run(folder, sorted(folder.glob(f"*/{RESULT_NAME}")))


def newest_run(folder: Path) -> Run:
    """The run below the folder with the newest record. Raises WorkbenchError where there is none."""
    newest = max(runs_in(folder), key=lambda run: (run.created, run.folder), default=None)
    if newest is None or not newest.kept:
        raise WorkbenchError(f"{folder}: no run with a {RESULT_NAME}; `workbench run` makes one")
    return newest


def _run(place: Path, paths: Sequence[Path]) -> Run:
    kept, unreadable = [], []
    for path in paths:
        try:
            kept += find_results([path])
        except WorkbenchError as error:
            unreadable.append(str(error))
    return Run(place, tuple(kept), tuple(unreadable))


def earlier_in(folder: Path) -> list[Path]:
    """The records that `set_aside` kept in a variant's folder, the oldest first."""
    stem, suffix = RESULT_NAME.split(".")
    return sorted(folder.glob(f"{stem}-*.{suffix}"), key=lambda path: path.stem)


def archive_result(record: Result, folder: Path) -> Path | None:
    """Move the record whose place is about to be taken to `result-<when it was written>.json`, a name that sorts.

    Program, frames and pictures are those of the newest record alone: a record is enough to make them again, and is a
    hundredth of their size. Where there is no earlier record, None; one that differs from the new in its times alone,
    such as a failure that happened again, is removed.
    """
    path = folder / RESULT_NAME
    try:
        written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:
        return None
    try:
        earlier = read_record(path)
        written = datetime.fromisoformat(earlier.created)
        if earlier.model_copy(update={"created": record.created, "seconds": record.seconds}) == record:
            path.unlink()
            return None
    except (WorkbenchError, ValueError):
        pass  # kept all the same: an older version's, say
    return path.rename(unused_name(path, written))


def set_aside_unread(path: Path, folder: Path) -> Path:
    """Move a record that cannot be read, maybe a later version's, to where `set_aside` keeps them in a folder."""
    return path.rename(unused_name(folder / RESULT_NAME, datetime.fromtimestamp(path.stat().st_mtime, UTC)))
