"""A file has its old content or its new content, also if the disk is full or the process is killed."""

import errno
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.storage import atomic
from workbench.storage.atomic import remove_partial_files, remove_stale_partial_files, write_atomic

PARTIAL = ".workbench-0123456789abcdef.part"


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def fail_flushing(monkeypatch: pytest.MonkeyPatch, error: BaseException, folders: bool = False) -> None:
    """Makes every flush of a file (or of a folder) raise an error."""

    def fsync(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode) is folders:
            raise error

    monkeypatch.setattr(os, "fsync", fsync)


@pytest.fixture(params=[0o022, 0o077, 0o002])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_write_atomic_respects_the_umask(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "a" / "b" / "result.json"
    for content in (b"first", b"\x00second\n"):
        write_atomic(path, content)
        assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask
        assert path.read_bytes() == content
    assert names(path.parent) == {"result.json"}


def test_write_atomic_flushes_the_file_then_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old file stays until the new content is on the disk; the new name is flushed after it is given."""
    path = tmp_path / "result.json"
    path.write_bytes(b"old")
    flushed = []

    def fsync(handle: int) -> None:
        flushed.append((stat.S_ISDIR(os.fstat(handle).st_mode), path.read_bytes()))

    monkeypatch.setattr(os, "fsync", fsync)
    write_atomic(path, b"new")
    assert flushed == [(False, b"old"), (True, b"new")]


def test_write_atomic_without_folder_flush(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that cannot flush folders is no error; a broken disk is."""
    for code in (errno.EINVAL, errno.ENOTSUP):
        fail_flushing(monkeypatch, OSError(code, os.strerror(code)), folders=True)
        write_atomic(tmp_path / "a", b"")
    fail_flushing(monkeypatch, OSError(errno.EIO, "broken"), folders=True)
    with pytest.raises(OSError, match="broken"):
        write_atomic(tmp_path / "a", b"")


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()], ids=["full", "interrupted"])
@pytest.mark.parametrize("earlier", [[], [b"old"]], ids=["new", "replaced"])
def test_failed_write_keeps_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, earlier: list[bytes]
) -> None:
    path = tmp_path / "result.json"
    for content in earlier:
        path.write_bytes(content)
    fail_flushing(monkeypatch, error)
    with pytest.raises(type(error)) as caught:
        write_atomic(path, b"half")
    assert getattr(caught.value, "filename", str(path)) == str(path)
    assert [each.read_bytes() for each in tmp_path.iterdir()] == earlier


def test_write_atomic_deletes_nothing_beside_the_file(tmp_path: Path) -> None:
    partial = tmp_path / PARTIAL
    partial.touch()
    os.utime(partial, (0, 0))
    write_atomic(tmp_path / "result.json", b"")
    assert partial.exists()


def test_remove_partial_files_after_a_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "a"
    write_atomic(folder / "whole.json", b"whole")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        fail_flushing(patch, KeyboardInterrupt())
        patch.setattr(Path, "unlink", lambda *_, **__: None)
        write_atomic(folder / "half.json", b"half")
    assert len(names(folder)) == 2
    remove_partial_files(tmp_path)
    assert len(names(folder)) == 2, "not in folders below"
    remove_partial_files(folder, tmp_path / "missing")
    assert names(folder) == {"whole.json"}


def test_remove_partial_files_skips_others_and_recent_ones(tmp_path: Path) -> None:
    others = {".own.part", PARTIAL[1:], PARTIAL.upper(), f"{PARTIAL}2", ".workbench-short.part"}
    folder, recent, stale = (PARTIAL.replace("0", digit) for digit in "fed")
    (tmp_path / folder).mkdir()  # unlink fails, as it does for another user's file
    for name in (*others, recent, stale):
        (tmp_path / name).touch()
    os.utime(tmp_path / stale, (time.time() - atomic._STALE_AFTER_S - 10,) * 2)
    remove_stale_partial_files(tmp_path)
    assert names(tmp_path) == others | {folder, recent}
    remove_partial_files(tmp_path)
    assert names(tmp_path) == others | {folder}
