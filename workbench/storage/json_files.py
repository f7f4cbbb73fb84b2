"""Records as files: whole, with no number that JSON does not know, and what an earlier one alone says is kept."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.record_model import RecordModel
from workbench.storage.atomic import write_atomic
from workbench.storage.locks import folder_lock


def write_json(section: RecordModel, path: Path) -> Path:
    """Store a record in the place of any that is there."""
    write_atomic(path, (json.dumps(section.model_dump(mode="json"), indent=2, allow_nan=False) + "\n").encode())
    return path


def replace_json(section: RecordModel, path: Path) -> Path | None:
    """Store a record; an earlier one in its place is moved to `<stem>-<when it was written>.json` beside it.

    Not one of which the new has all but when it was made: a sweep that has more points. Alone in the folder, for which
    it waits. Returns where the earlier one is kept, None where none has to be.
    """
    with folder_lock(path.parent, wait=True):
        kept = _set_aside(section, path)
        write_json(section, path)
    return kept


def unused_name(path: Path, written: datetime) -> Path:
    """Where an earlier file of that name can be kept: a name that sorts by when it was written."""
    place, more = path.with_stem(f"{path.stem}-{written:%Y%m%d-%H%M%S}"), 1
    while place.exists():
        more += 1
        place = path.with_stem(f"{path.stem}-{written:%Y%m%d-%H%M%S}-{more}")
    return place


def _set_aside(section: RecordModel, path: Path) -> Path | None:
    try:
        written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:
        return None
    try:
        earlier = json.loads(path.read_bytes())
        if _has_all(section.model_dump(mode="json"), earlier):
            return None
        written = datetime.fromisoformat(earlier["created"])
    except (ValueError, KeyError, TypeError, AttributeError):
        pass  # kept all the same: no record, or another version's
    return path.rename(unused_name(path, written))


def _has_all(new: Mapping[str, Any], earlier: Mapping[str, Any]) -> bool:
    return all(
        new.get(key) == value
        or (isinstance(value, list) and isinstance(new.get(key), list) and all(one in new[key] for one in value))
        for key, value in earlier.items()
        if key != "created"
    )
