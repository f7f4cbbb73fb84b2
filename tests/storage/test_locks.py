"""One process at a time in a folder."""

import errno
import fcntl
import multiprocessing
import os
import threading
import warnings
from collections.abc import Iterator
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from unittest.mock import Mock

import pytest

from tests.storage.test_atomic import PARTIAL
from workbench.errors import WorkbenchError, WorkbenchWarning
from workbench.storage import locks
from workbench.storage.locks import exclusive, folder_lock


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
        assert list((tmp_path / "a" / "b").iterdir()) == []
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


def refuse_locks(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    monkeypatch.setattr(fcntl, "flock", Mock(side_effect=OSError(code, os.strerror(code))))
    monkeypatch.setattr(locks, "_warned_devices", set())


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EBADF, errno.EOPNOTSUPP])
def test_file_system_without_locks_warns_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """The work goes on; NFS, for example, reports ENOLCK without a lock daemon, and EBADF for a folder."""
    refuse_locks(monkeypatch, code)
    with pytest.warns(WorkbenchWarning, match="does not support folder locks") as caught, folder_lock(tmp_path / "a"):
        (tmp_path / "a" / "result").touch()
    assert len(caught) == 1
    with warnings.catch_warnings(action="error"), folder_lock(tmp_path / "b"):
        pass


@pytest.mark.parametrize("code", [errno.EAGAIN, errno.EACCES])
def test_lock_held_by_another_is_not_taken_for_no_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    refuse_locks(monkeypatch, code)
    with warnings.catch_warnings(action="error"), pytest.raises(WorkbenchError), folder_lock(tmp_path):
        pass
