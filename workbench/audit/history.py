"""Records as runs left them on disk: a folder for each run, in it one for each variant, in that `result.json`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.audit.results import RESULT_NAME, Record, read_record
from workbench.errors import WorkbenchError


@dataclass(frozen=True)
class Kept:
    """A record, the variant's folder that it lies in, with program, frames and pictures, and the run it belongs to."""

    record: Record
    folder: Path
    run: str


def kept_in(places: Sequence[Path]) -> list[Kept]:
    """All records below the places, each a run, a variant's folder or its `result.json`; in order, none twice.

    Raises WorkbenchError where a place holds none, or one that cannot be read.
    """
    found: dict[Path, Kept] = {}
    for place in places:
        paths = [place] if place.is_file() else sorted(place.rglob(RESULT_NAME))
        if not paths:
            raise WorkbenchError(f"{place}: no {RESULT_NAME} in it; `workbench run` leaves one for each variant")
        for path in paths:
            folder = path.parent
            found[path.resolve()] = Kept(read_record(path), folder, folder.parent.name or folder.resolve().parent.name)
    return list(found.values())
