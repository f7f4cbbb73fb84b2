"""The commit in an environment is that of the workbench's own checkout."""

import shutil
import subprocess
from pathlib import Path

import pytest

from workbench.records import environment


def git(folder: Path, *words: str) -> None:
    own = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    subprocess.run(["git", "-C", str(folder), *own, *words], check=True, capture_output=True)


def test_commit_is_of_the_workbenchs_own_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installed below another checkout, which ignores what is installed: none."""
    installed = tmp_path / "environment.py"
    shutil.copyfile(environment.__file__, installed)
    (tmp_path / "theirs").write_text("theirs")
    git(tmp_path, "init")
    git(tmp_path, "add", "theirs")
    git(tmp_path, "commit", "-m", "theirs")
    monkeypatch.setattr(environment, "__file__", str(installed))
    assert environment._commit() is None
    git(tmp_path, "add", "environment.py")
    git(tmp_path, "commit", "-m", "ours")
    assert len(str(environment._commit())) == 12
