"""tools/fuzz/readers.py: its seeds are accepted, bad errors are findings, and a search runs."""

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tools.fuzz import readers as fuzz_readers
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


def test_without_atheris_the_message_has_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz_readers, "find_spec", lambda name: None)
    monkeypatch.setattr(sys, "argv", ["fuzz_readers.py"])
    with pytest.raises(SystemExit, match=r"atheris is not installed; pip install -e '.\[fuzz\]'"):
        fuzz_readers.main()


@pytest.mark.slow
@pytest.mark.skipif(not find_spec("atheris"), reason="atheris is not installed; the extra fuzz brings it")
def test_a_short_search(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tools.fuzz.readers", "--json", "--minutes", "0.1", "--reader", "gates"]
    done = subprocess.run([*command, "--out", tmp_path], cwd=ROOT, capture_output=True, text=True, timeout=120)
    row = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, row["findings"]) == (0, []), done.stderr
    assert row["inputs"] > row["kept"] > 2 and row["taken"] > 0
    assert row["coverage"] > row["coverage_of_seeds"] > 0
    assert [path.name for path in (tmp_path / "gates").iterdir()] == ["log"]
