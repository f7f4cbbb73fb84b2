"""tools/fuzz/readers.py: its seeds are accepted, bad errors are findings, and a search runs."""

import shutil
from pathlib import Path

import pytest

from tools.fuzz.readers import ROOT, Reader, accepts, readers
from workbench.errors import RecipeError, WorkbenchError


@pytest.mark.parametrize("name", list(readers()))
def test_seeds_are_accepted(name: str, tmp_path: Path) -> None:
    reader = readers()[name]
    folder = shutil.copytree(ROOT / "recipes", tmp_path / "folder")
    assert len(reader.words) > 6 and all(reader.words)
    rejected = [seed for seed in reader.seeds if not accepts(reader, folder, seed)]
    assert len(rejected) == (name == "zip")  # one of its seeds is ../x


@pytest.mark.parametrize(
    "error", [WorkbenchError(""), WorkbenchError("two\nlines"), RecipeError(["good", " "]), KeyError("a")]
)
def test_bad_message_or_other_error_is_a_finding(error: Exception, tmp_path: Path) -> None:
    def fail(path: Path) -> None:
        raise error

    with pytest.raises(AssertionError if isinstance(error, WorkbenchError) else KeyError):
        accepts(Reader("f", fail, [], []), tmp_path, b"")
