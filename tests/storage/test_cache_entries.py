"""The entries of a cache: nothing else in the folder is counted or removed, and no entry that is locked."""

import os
from pathlib import Path

import pytest

from workbench.storage.cache_entries import cache_entries, mark_used

OLD, NEW = "a" * 64, "0" * 64


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two entries, and what users may have in a folder that they name as their cache."""
    for name, size in ((OLD, 100), (NEW, 20), ("mine", 1), ("B" * 64, 1), ("a" * 63, 1)):
        (tmp_path / name / "inner").mkdir(parents=True)
        (tmp_path / name / "inner" / "file").write_bytes(bytes(size))
    (tmp_path / ("c" * 64)).symlink_to(tmp_path / "mine")
    os.utime(tmp_path / OLD, (0, 86_400))
    return tmp_path


def test_entries_are_folders_with_the_name_of_a_hash(folder: Path) -> None:
    old, new = cache_entries(folder)
    assert [(entry.path.name, entry.bytes) for entry in (old, new)] == [(OLD, 100), (NEW, 20)]
    assert old.age_days > 10_000 > 1 > new.age_days >= 0
    mark_used(old.path)
    mark_used(folder / "absent")
    assert [entry.path.name for entry in cache_entries(folder)] == [NEW, OLD]
    assert cache_entries(folder / "absent") == []
