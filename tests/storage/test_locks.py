"""One process at a time in a folder."""

import errno
import multiprocessing
import os
import threading
import warnings
from collections.abc import Iterator
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from unittest.mock import Mock

import filelock
import pytest

from tests.storage.test_atomic import PARTIAL
from workbench.errors import WorkbenchError, WorkbenchWarning
from workbench.storage import locks
from workbench.storage.locks import LOCK_NAME, exclusive, folder_lock


def hold(folder: Path, connection: Connection) -> None:
    """In another process: holds the lock until it receives something."""
    with exclusive(folder):
        connection.send("locked")
        connection.recv()


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[tuple[SpawnProcess, Connection]]:
    """A process that holds the lock of `tmp_path/run`, and the connection that ends it."""
    connection, child = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=hold, args=(tmp_path / "run", child), daemon=True)
    process.start()
    assert connection.recv() == "locked"
    yield process, connection
    process.kill()
    process.join()


def test_exclusive_removes_the_folder_if_it_stays_empty(tmp_path: Path) -> None:
    with exclusive(tmp_path / "a" / "b"):
        assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == [LOCK_NAME]
    assert list((tmp_path / "a").iterdir()) == []


def test_exclusive_removes_partial_files_only_in_the_folder(tmp_path: Path) -> None:
    below = tmp_path / "variant" / PARTIAL  # another process may hold the lock of this folder
    below.parent.mkdir()
    for path in (below, tmp_path / PARTIAL):
        path.touch()
    for _ in range(2):
        with exclusive(tmp_path):
            (tmp_path / "result").touch()
    assert {path.name for path in tmp_path.iterdir()} == {"variant", "result"}
    assert below.exists()


def test_lock_of_another_process_is_held_until_it_ends(tmp_path: Path, holder: tuple[SpawnProcess, Connection]) -> None:
    folder = tmp_path / "run"
    with pytest.raises(WorkbenchError, match=f"{folder}: in use by another workbench process"), exclusive(folder):
        pass
    holder[0].kill()
    holder[0].join()
    with exclusive(folder):
        pass


def test_waiting_for_the_lock_ends_when_it_is_released(tmp_path: Path, holder: tuple[SpawnProcess, Connection]) -> None:
    entered = threading.Event()

    def wait() -> None:
        with exclusive(tmp_path / "run", wait=True):
            entered.set()

    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    assert not entered.wait(0.5)
    holder[1].send("release")
    assert entered.wait(30)
    waiting.join()


def test_lock_file_deleted_while_another_waits_is_not_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The holder deletes the file for which another process waits: that one must lock the file that is there now."""
    acquire, handles = filelock.lock_descriptor, []

    def acquire_after_a_holder_has_left(handle: int, blocking: bool) -> bool:
        if not handles:
            (tmp_path / LOCK_NAME).unlink()
        handles.append(handle)
        return acquire(handle, blocking=blocking)

    monkeypatch.setattr(filelock, "lock_descriptor", acquire_after_a_holder_has_left)
    with folder_lock(tmp_path):
        assert len(handles) == 2
        monkeypatch.undo()
        with pytest.raises(WorkbenchError, match="in use"), folder_lock(tmp_path):
            pass
    assert not tmp_path.exists()


def refuse_locks(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    monkeypatch.setattr(filelock, "lock_descriptor", Mock(side_effect=OSError(code, os.strerror(code))))
    monkeypatch.setattr(locks, "_warned_devices", set())


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_file_system_without_locks_warns_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """The work goes on; NFS, for example, reports ENOLCK without a lock daemon, and a Python without flock ENOSYS."""
    refuse_locks(monkeypatch, code)
    with pytest.warns(WorkbenchWarning, match="does not support folder locks") as caught, folder_lock(tmp_path / "a"):
        (tmp_path / "a" / "result").touch()
    assert len(caught) == 1
    with warnings.catch_warnings(action="error"), folder_lock(tmp_path / "b"):
        pass
    assert {path.name for path in tmp_path.rglob("*")} == {"a", "result"}


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM, errno.EROFS])
@pytest.mark.parametrize("left", [False, True], ids=["no lock file", "of another user"])
def test_folder_that_cannot_be_written_is_read_without_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, left: bool
) -> None:
    """A lock file of another user is locked all the same: it may be held."""
    open_file = os.open

    def refuse_writing(path: Path, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_CREAT:
            raise OSError(code, os.strerror(code), str(path))
        return open_file(path, flags, mode)

    if left:
        (tmp_path / LOCK_NAME).touch()
    monkeypatch.setattr(os, "open", refuse_writing)
    with folder_lock(tmp_path):
        if left:
            with pytest.raises(WorkbenchError, match="in use"), folder_lock(tmp_path):
                pass


def test_full_disk_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "open", Mock(side_effect=OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))))
    with pytest.raises(OSError, match="No space left"), folder_lock(tmp_path):
        pass
