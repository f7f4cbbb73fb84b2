"""The cache as its user sees it: what is kept of each kind, and the removal of entries."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from workbench.storage.cache_entries import CacheEntry, cache_entries, remove_entry
from workbench.storage.cache_folder import CacheKind, cache_folder, cache_root

CACHE_KINDS: tuple[CacheKind, ...] = get_args(CacheKind)


@dataclass(frozen=True)
class CachedKind:
    """The entries of a kind; these are the keys of `cache --json`.

    Attributes:
        kind: What is kept.
        folder: The folder of the entries. It may be missing.
        entries: How many there are.
        bytes: The size of their files.
        longest_unused_days: Days since the entry that was not used for longest was used; None without entries.
    """

    kind: CacheKind
    folder: str
    entries: int
    bytes: int
    longest_unused_days: float | None


@dataclass(frozen=True)
class Removed:
    """What `remove_cached` did: entries and bytes that it removed, and entries that stay: in use, or not deletable."""

    entries: int
    bytes: int
    kept: int


def summarize_cache(kinds: Sequence[CacheKind] = CACHE_KINDS, unused_days: float = 0.0) -> list[CachedKind]:
    """Returns what the cache has of each kind. Writes nothing.

    Args:
        kinds: The kinds.
        unused_days: Only entries that were not used for this many days are counted.

    Raises:
        WorkbenchError: The cache folder that is set cannot be used.
    """
    summaries = []
    for kind in kinds:
        entries = _entries(kind, unused_days)
        longest = entries[0].age_days if entries else None
        size = sum(entry.bytes for entry in entries)
        summaries.append(CachedKind(kind, str(_folder(kind)), len(entries), size, longest))
    return summaries


def remove_cached(kinds: Sequence[CacheKind] = CACHE_KINDS, unused_days: float = 0.0) -> Removed:
    """Removes the entries that `summarize_cache` counts, and nothing else. Entries that are in use stay.

    Raises:
        WorkbenchError: The cache folder that is set cannot be used.
    """
    entries = [entry for kind in kinds for entry in _entries(kind, unused_days)]
    removed = [entry for entry in entries if remove_entry(entry)]
    return Removed(len(removed), sum(entry.bytes for entry in removed), len(entries) - len(removed))


def _folder(kind: CacheKind) -> Path:
    root = cache_root()
    return cache_folder(kind) if root.exists() else root / kind


def _entries(kind: CacheKind, unused_days: float) -> list[CacheEntry]:
    return [entry for entry in cache_entries(_folder(kind)) if entry.age_days >= unused_days]
