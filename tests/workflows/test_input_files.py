"""A missing file is an error before torch is imported and before a child process is started: both take seconds."""

import subprocess
import sys
from pathlib import Path

from tests.helpers.project import write_project

RUN = """
import multiprocessing, sys
multiprocessing.get_context = None  # what starts a child process
from workbench.cli import main
for words in sys.argv[1:]:
    try:
        main(words.split())
    except SystemExit as exit:
        assert exit.code == 2, exit.code
print([name for name in ("torch", "executorch", "matplotlib") if name in sys.modules])
"""
ERRORS = {
    "track take.wav --program missing.pte": "missing.pte: no such program",
    "track missing.wav --program here.pte": "missing.wav: no such audio file",
    "bench missing.pte": "missing.pte: no such program",
    "score least.yaml --frames frames.csv --program missing.pte": "missing.pte: no such program",
}


def test_missing_file_imports_no_torch(tmp_path: Path) -> None:
    write_project(tmp_path)
    (tmp_path / "here.pte").touch()
    environment = {"PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", RUN, *ERRORS]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    for line, error in zip(errors, ERRORS.values(), strict=True):
        assert error in line
