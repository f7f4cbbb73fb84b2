"""The cache folder: where it is, which folders are not used, and what happens then."""

import os
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import platformdirs
import pytest

from workbench.errors import WorkbenchError, WorkbenchWarning
from workbench.storage import cache_folder as module
from workbench.storage.cache_folder import CACHE_VARIABLE, cache_folder


def files_in_place_of_folders(path: Path) -> None:
    path.mkdir()
    for name in ("programs", "clips"):
        (path / name).touch()


def with_mode(path: Path, mode: int) -> None:
    path.mkdir()
    path.chmod(mode)


def of_another_user(path: Path) -> None:
    path.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    os.chown(path, 12_345, 12_345)


Make = Callable[[Path], object]
UNUSABLE = [
    pytest.param(Path.touch, "is not a folder", id="a file"),
    pytest.param(files_in_place_of_folders, "has a file programs", id="files in it"),
    pytest.param(lambda path: path.symlink_to("nowhere"), "is not a folder", id="a dead link"),
    pytest.param(lambda path: with_mode(path, 0o777), "can be written by every user", id="world-writable"),
    pytest.param(of_another_user, "belongs to another user", id="another user's"),
]
NO_HOME = pytest.param(None, "is no absolute path, as no home folder is known", id="no home")


def test_folder_is_that_is_made_is_its_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "new" / "cache"))
    mask = os.umask(0)
    try:
        assert cache_folder("programs") == tmp_path / "new" / "cache" / "programs"
    finally:
        os.umask(mask)
    assert (tmp_path / "new" / "cache").stat().st_mode & 0o777 == 0o700
    assert cache_folder("programs").is_dir()


def test_default_is_the_users_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name, appauthor: tmp_path / name)
    monkeypatch.setenv(CACHE_VARIABLE, "")
    assert cache_folder("clips") == tmp_path / "pesto-workbench" / "clips"


@pytest.mark.parametrize(("make", "reason"), [*UNUSABLE, NO_HOME])
def test_default_that_cannot_be_used_is_replaced_for_this_process(
    make: Make, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    default = Path("~/.cache") if make is None else tmp_path / "cache"
    if make is not None:
        make(default)
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name, appauthor: default)
    monkeypatch.delenv(CACHE_VARIABLE)
    monkeypatch.setattr(module, "_until_exit", [])
    with pytest.warns(WorkbenchWarning, match=f"{reason}; set WORKBENCH_CACHE to a folder") as caught:
        folders = [cache_folder(kind) for kind in ("programs", "clips", "programs")]
    assert len(caught) == 1
    assert folders[0] == folders[2] == folders[1].parent / "programs"
    assert folders[0].is_dir() and not folders[0].is_relative_to(default)
    module._until_exit.pop().cleanup()


def test_without_any_folder_an_error_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name, appauthor: Path("~"))
    monkeypatch.setattr(module.tempfile, "TemporaryDirectory", Mock(side_effect=OSError))
    monkeypatch.delenv(CACHE_VARIABLE)
    monkeypatch.setattr(module, "_until_exit", [])
    with pytest.raises(WorkbenchError, match=r"; set WORKBENCH_CACHE to a folder that can be written$"):
        cache_folder("clips")
