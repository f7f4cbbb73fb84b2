"""A missing file is an error before torch is imported and before a child process is started: both take seconds."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.project import write_project

RUN = """
import multiprocessing, sys
multiprocessing.get_context = None  # what starts a child process
from workbench.cli import main
try:
    main({words!r})
except SystemExit as exit:
    assert exit.code == 2, exit.code
print([name for name in ("torch", "executorch", "matplotlib") if name in sys.modules])
"""


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("track take.wav --program missing.pte", "missing.pte: no such program"),
        ("track missing.wav --program here.pte", "missing.wav: no such audio file"),
        ("bench missing.pte", "missing.pte: no such program"),
        ("score least.yaml --frames frames.csv --program missing.pte", "missing.pte: no such program"),
    ],
)
def test_missing_file_imports_no_torch(words: str, error: str, tmp_path: Path) -> None:
    write_project(tmp_path)
    (tmp_path / "here.pte").touch()
    code = RUN.format(words=words.split())
    environment = {"PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr
    assert error in done.stderr
