"""Records as JSON files: written atomically, without NaN or infinity, and without losing an earlier record."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.record_model import RecordModel
from workbench.storage.atomic import write_atomic
from workbench.storage.locks import folder_lock


def write_json(record: RecordModel, path: Path) -> Path:
    """Writes a record to a file and returns the path. An earlier file is overwritten.

    Raises ValueError if a number is not finite, and OSError if the file cannot be written.
    """
    write_atomic(path, (json.dumps(record.model_dump(mode="json"), indent=2, allow_nan=False) + "\n").encode())
    return path


def replace_json(record: RecordModel, path: Path) -> Path | None:
    """Writes a record to a file; an earlier record is renamed to `<stem>-<time of the record>.json` beside it.

    An earlier record is overwritten instead if the new one has all of its values except `created`, for example a sweep
    with more points. The function locks the folder; it waits if another process holds the lock.

    Returns:
        The new path of the earlier record, or None if there is none.

    Raises:
        ValueError: A number of the record is not finite.
        OSError: A file cannot be renamed or written.
    """
    with folder_lock(path.parent, wait=True):
        archived = archive_earlier(record, path)
        write_json(record, path)
    return archived


def archive_earlier(record: RecordModel, path: Path) -> Path | None:
    """Renames an earlier record as `replace_json` does, and returns its new path. The caller has the folder's lock."""
    try:
        written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:
        return None
    try:
        earlier = json.loads(path.read_bytes())
        if _contains(record.model_dump(mode="json"), earlier):
            return None
        written = datetime.fromisoformat(earlier["created"])
    except (ValueError, KeyError, TypeError, AttributeError):
        pass  # not a record, or of another version: archived under the time of the file
    return path.rename(unused_name(path, written))


def unused_name(path: Path, written: datetime) -> Path:
    """Returns an unused path for the earlier version of a file. Names sort by `written`, the time of writing."""
    stem = f"{path.stem}-{written:%Y%m%d-%H%M%S}"
    candidate, number = path.with_stem(stem), 1
    while candidate.exists():
        number += 1
        candidate = path.with_stem(f"{stem}-{number}")
    return candidate


def _contains(record: Mapping[str, Any], earlier: Mapping[str, Any]) -> bool:
    """Whether each key of the earlier record, except `created`, has the same value or a list with all of its items."""
    return all(_covers(record.get(key), value) for key, value in earlier.items() if key != "created")


def _covers(value: object, earlier: object) -> bool:
    if isinstance(value, list) and isinstance(earlier, list):
        return all(item in value for item in earlier)
    return value == earlier
