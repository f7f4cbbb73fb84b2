"""Results on disk: a folder for each run, in it one for each variant, in that `result.json`."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.records.result import (
    FRAMES_FOLDER,
    MOMENTS_FOLDER,
    PICTURES_FOLDER,
    RESULT_NAME,
    Result,
    read_result,
)
from workbench.storage.json_files import unused_name

_FILE_FOLDERS = (FRAMES_FOLDER, PICTURES_FOLDER, MOMENTS_FOLDER)


@dataclass(frozen=True)
class StoredResult:
    """A result, the variant's folder it lies in, and the name of its run.

    `current`: it is the folder's `result.json`, so program, frames and pictures there belong to it. Those of an
    archived result are gone.
    """

    result: Result
    folder: Path
    run: str
    current: bool = True


@dataclass(frozen=True)
class Run:
    """One run: its results in the order of their folders' names, and a message for each that cannot be read."""

    folder: Path
    results: tuple[StoredResult, ...]
    unreadable: tuple[str, ...] = ()

    @property
    def created(self) -> str:
        """When the run of the newest result started, ISO 8601 in UTC; "" without results."""
        return max((stored.result.created for stored in self.results), default="")


def find_results(places: Sequence[Path]) -> list[StoredResult]:
    """Returns the stored results below the places, in order, each once.

    Args:
        places: runs, folders of variants, or `result.json` files.

    Raises:
        WorkbenchError: if a place does not exist or holds no result, or if a result cannot be read.
    """
    found: dict[Path, StoredResult] = {}
    for place in places:
        if not place.exists():
            raise WorkbenchError(f"{place}: no such file or folder; `workbench runs` lists the runs")
        paths = [place] if place.is_file() else _result_paths(place)
        if not paths:
            raise WorkbenchError(f"{place}: has no {RESULT_NAME}; `workbench run` writes one for each variant")
        for path in paths:
            found[path.resolve()] = _read(path)
    return list(found.values())


def runs_in(folder: Path) -> list[Run]:
    """Returns all runs below a folder, by name, also those without a result: killed early, or not finished yet.

    A result that cannot be read is listed in `unreadable`.

    Raises:
        WorkbenchError: if there is no such folder.
    """
    if not folder.is_dir():
        raise WorkbenchError(f"{folder}: no such folder; `workbench run` creates outputs/, or name another folder")
    paths = _result_paths(folder)
    with_results = {path.parent.parent for path in paths}
    without_results: set[Path] = set()
    if folder not in with_results:  # else the folder is itself a run, and its subfolders are variants
        subfolders = {child for child in folder.iterdir() if child.is_dir() and not child.name.startswith(".")}
        without_results = subfolders - {parent for path in paths for parent in path.parents}
    return [
        _run(run, [path for path in paths if path.parent.parent == run])
        for run in sorted(with_results | without_results)
    ]


def run_in(folder: Path) -> Run:
    """Returns the run in this very folder; it has no results if the folder does not exist or is empty."""
    return _run(folder, sorted(folder.glob(f"*/{RESULT_NAME}")))


def newest_run(folder: Path) -> Run:
    """Returns the run below a folder that has the newest result.

    Raises:
        WorkbenchError: if there is no such folder, or no run in it has a result.
    """
    newest = max(runs_in(folder), key=lambda run: (run.created, run.folder), default=None)
    if newest is None or not newest.results:
        raise WorkbenchError(f"{folder}: no run with a {RESULT_NAME}; `workbench run` writes one")
    return newest


def unique_names(stored: Sequence[StoredResult]) -> list[str]:
    """Returns a unique name for each result: the name of its recipe.
    If several results share it, the name of the run is put before it. If they share both, a number follows.
    """
    recipes = [each.result.recipe.name for each in stored]
    names = [
        recipe if recipes.count(recipe) == 1 else f"{each.run}/{recipe}"
        for each, recipe in zip(stored, recipes, strict=True)
    ]
    return [
        name if names.count(name) == 1 else f"{name} ({names[: index + 1].count(name)})"
        for index, name in enumerate(names)
    ]


def archived_results(folder: Path) -> list[Path]:
    """The paths of the results that `archive_result` archived in a variant's folder, the oldest first."""
    stem, suffix = RESULT_NAME.split(".")
    return sorted(folder.glob(f"{stem}-*.{suffix}"), key=lambda path: path.stem)


def archive_result(replacement: Result, folder: Path) -> Path | None:
    """Archives the result that is about to be replaced: renames it to `result-<when it was created>.json`.

    Only the newest result keeps its program, frames and pictures. A result is enough to build them again, and has a
    hundredth of their size. A result that differs from its replacement only in `created` and `seconds`, for example a
    failure that happened again, is deleted instead.

    Returns:
        The path of the archived result. None if there was none, or if it was deleted.
    """
    path = folder / RESULT_NAME
    try:
        created = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:
        return None
    try:
        earlier = read_result(path)
        created = datetime.fromisoformat(earlier.created)
        if earlier.replace(created=replacement.created, seconds=replacement.seconds) == replacement:
            path.unlink()
            return None
    except (WorkbenchError, ValueError):
        pass  # archived although it cannot be read; another version may read it
    return path.rename(unused_name(path, created))


def archive_unreadable_result(path: Path, folder: Path) -> Path:
    """Moves a result that cannot be read, maybe of a later version, to the archived ones of a variant's folder."""
    return path.rename(unused_name(folder / RESULT_NAME, datetime.fromtimestamp(path.stat().st_mtime, UTC)))


def _result_paths(root: Path) -> list[Path]:
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


def _read(path: Path) -> StoredResult:
    run = path.parent.resolve().parent.name  # resolved: the folder may be named "." or ".."
    return StoredResult(read_result(path), path.parent, run, path.name == RESULT_NAME)


def _run(folder: Path, paths: Sequence[Path]) -> Run:
    results, unreadable = [], []
    for path in paths:
        try:
            results.append(_read(path))
        except WorkbenchError as error:
            unreadable.append(str(error))
    return Run(folder, tuple(results), tuple(unreadable))
