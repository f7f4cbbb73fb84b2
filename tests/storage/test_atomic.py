"""A file appears whole or not at all, also where the disk gives up half-way."""

import os
from pathlib import Path

import pytest

from workbench.storage.atomic import remove_partial_files, write_atomic


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def fsync(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)


def test_the_content_arrives_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "made" / "on the way" / "result.json"
    write_atomic(path, b"\x00whole\n")
    assert path.read_bytes() == b"\x00whole\n"
    assert list(path.parent.iterdir()) == [path]


def test_what_was_there_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    write_atomic(path, b"a long first version")
    write_atomic(path, b"short")
    assert path.read_bytes() == b"short"


def test_others_may_read_it(tmp_path: Path) -> None:
    write_atomic(tmp_path / "result.json", b"")
    assert (tmp_path / "result.json").stat().st_mode & 0o777 == 0o644


@pytest.mark.usefixtures("full_disk")
def test_a_failed_write_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left on device"):
        write_atomic(tmp_path / "result.json", b"half of it")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("full_disk")
def test_a_failed_write_keeps_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_bytes(b"old")
    with pytest.raises(OSError, match="No space left on device"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_write_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fsync(handle: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(tmp_path / "result.json", b"half of it")
    assert list(tmp_path.iterdir()) == []


def test_until_it_is_moved_into_place_the_old_file_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "result.json"
    path.write_bytes(b"old")
    seen = []
    monkeypatch.setattr(os, "fsync", lambda handle: seen.append(path.read_bytes()))
    write_atomic(path, b"new")
    assert seen == [b"old"]
    assert path.read_bytes() == b"new"


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_is_told_with_the_file(tmp_path: Path) -> None:
    with pytest.raises(OSError) as caught:
        write_atomic(tmp_path / "result.json", b"half of it")
    assert caught.value.filename == str(tmp_path / "result.json")


def test_what_a_killed_process_left_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between the first byte and the last: the temporary file stays, as nobody is left to remove it."""
    write_atomic(tmp_path / "a" / "whole.json", b"whole")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(tmp_path / "a" / "half.json", b"half")
    monkeypatch.undo()
    (tmp_path / "a" / ".own.wav").touch()
    assert len(list((tmp_path / "a").iterdir())) == 3
    remove_partial_files(tmp_path)
    assert len(list((tmp_path / "a").iterdir())) == 3, "not below"
    remove_partial_files(tmp_path / "a", tmp_path / "not there")
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == [".own.wav", "whole.json"]


def test_a_write_takes_away_what_was_half_written_beside_it_long_ago(tmp_path: Path) -> None:
    old, new, own = (tmp_path / name for name in (".workbench-old_abc1.part", ".workbench-new_abc1.part", ".own.part"))
    for part in (old, new, own):
        part.touch()
    for part in (old, own):
        os.utime(part, (0, 0))
    write_atomic(tmp_path / "report.html", b"")
    assert (old.exists(), new.exists(), own.exists()) == (False, True, True)


def test_what_is_not_ours_to_take_away_stops_no_write(tmp_path: Path) -> None:
    (tmp_path / ".workbench-old_abc1.part").mkdir()
    os.utime(tmp_path / ".workbench-old_abc1.part", (0, 0))
    write_atomic(tmp_path / "report.html", b"whole")
    assert (tmp_path / "report.html").read_bytes() == b"whole"
