"""The entries of a cache folder: what they take on the disk, when they were last used, and their removal."""

import os
import re
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.storage.atomic import remove_stale_partial_files
from workbench.storage.locks import folder_lock

_ENTRY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class CacheEntry:
    """One folder of a cache, named by a hash.

    Attributes:
        path: The folder.
        bytes: The size of its files.
        used_s: When it was made or last used, in seconds since the epoch.
    """

    path: Path
    bytes: int
    used_s: float

    @property
    def age_days(self) -> float:
        """Days since it was last used."""
        return max(0.0, time.time() - self.used_s) / 86_400


def cache_entries(folder: Path) -> list[CacheEntry]:
    """Returns the entries in a folder, the least recently used first. Other files in it are ignored."""
    entries = []
    with suppress(FileNotFoundError, NotADirectoryError):
        for path in folder.iterdir():
            if _ENTRY.fullmatch(path.name) and not path.is_symlink():
                with suppress(OSError):  # another process removes it meanwhile
                    size = sum(file.lstat().st_size for file in path.rglob("*") if not file.is_dir())
                    entries.append(CacheEntry(path, size, path.stat().st_mtime))
    return sorted(entries, key=lambda entry: entry.used_s)


def mark_used(entry: Path) -> None:
    """Notes that an entry is used now. A cache that cannot be written stays as it is."""
    with suppress(OSError):
        os.utime(entry)


def remove_entry(entry: CacheEntry) -> bool:
    """Removes an entry. Returns False if another process has locked it, or if it cannot be removed."""
    try:
        with folder_lock(entry.path):
            shutil.rmtree(entry.path)
    except (WorkbenchError, OSError):
        return False
    return True


def remove_least_used(folder: Path, max_bytes: int, keep: Path | None = None) -> None:
    """Removes the least recently used entries of a folder while it has more than `max_bytes`; `keep` stays."""
    for entry in cache_entries(folder):
        remove_stale_partial_files(entry.path)
    total_bytes = 0
    for entry in reversed(cache_entries(folder)):
        total_bytes += entry.bytes
        if total_bytes > max_bytes and entry.path != keep:
            remove_entry(entry)
