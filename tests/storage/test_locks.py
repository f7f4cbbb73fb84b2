"""One process at a time in a folder."""

import multiprocessing
import threading
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from workbench.errors import WorkbenchError
from workbench.storage.locks import exclusive


def hold(folder: Path, there: Connection) -> None:
    """In another process: have the folder until told to go on."""
    with exclusive(folder):
        there.send("in it")
        there.recv()


@pytest.fixture
def other(tmp_path: Path) -> Connection:
    """A process that is at work in `tmp_path/run`."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=hold, args=(tmp_path / "run", there), daemon=True)
    process.start()
    assert here.recv() == "in it"
    yield here
    process.kill()
    process.join()


def test_nothing_is_left_of_it(tmp_path: Path) -> None:
    with exclusive(tmp_path / "a" / "b"):
        assert list((tmp_path / "a" / "b").iterdir()) == []
    assert list((tmp_path / "a").iterdir()) == []


def test_what_was_made_stays_and_what_was_half_made_goes(tmp_path: Path) -> None:
    (tmp_path / ".workbench-half_abc.part").touch()
    with exclusive(tmp_path):
        (tmp_path / "made").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["made"]
    with exclusive(tmp_path):  # again, after the first is done
        pass


def test_what_another_process_writes_below_stays(tmp_path: Path) -> None:
    """One that has a folder there for itself; and what only looks like a file of ours."""
    below = tmp_path / "variant" / ".making" / ".workbench-half_abc.part"
    below.parent.mkdir(parents=True)
    others = [
        tmp_path / name
        for name in (
            ".download.part",
            "workbench-half_abc.part",
            ".workbench-HALF_ABC.part",
            ".workbench-half_abc.part2",
        )
    ]
    for path in (below, *others):
        path.touch()
    with exclusive(tmp_path):
        pass
    assert all(path.exists() for path in (below, *others))


def test_a_second_process_is_refused_until_the_first_is_done(tmp_path: Path, other: Connection) -> None:
    folder = tmp_path / "run"
    with pytest.raises(WorkbenchError) as caught, exclusive(folder):
        pass
    assert str(caught.value) == (
        f"{folder}: another process is at work here; wait until it is done, or use another folder"
    )


def test_who_waits_comes_in_when_the_first_is_done(tmp_path: Path, other: Connection) -> None:
    came = threading.Event()

    def wait() -> None:
        with exclusive(tmp_path / "run", wait=True):
            came.set()

    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    assert not came.wait(0.5)
    other.send("go on")
    assert came.wait(30)
    waiting.join()


def test_the_lock_goes_with_a_killed_process(tmp_path: Path) -> None:
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=hold, args=(tmp_path, there), daemon=True)
    process.start()
    assert here.recv() == "in it"
    process.kill()
    process.join()
    with exclusive(tmp_path):
        pass
