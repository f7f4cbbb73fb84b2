"""The project that the tests of the command line run in."""

from pathlib import Path

import pytest

from tests.cli.bad_input_cases import MANIFEST, RECIPE
from tests.helpers.project import write_project


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of one recipe and two tiny clips, as the current folder."""
    monkeypatch.chdir(tmp_path)
    Path("recipes").mkdir()
    return write_project(tmp_path, MANIFEST, **{"recipes/least": RECIPE})
