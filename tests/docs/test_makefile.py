"""`make demo` for each exit code of a workbench that does nothing."""

import shutil
import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parent.parent.parent / "Makefile"


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")
@pytest.mark.parametrize(("code", "explained"), [(0, False), (1, False), (2, False), (3, True)])
def test_demo_inconclusive_is_explained_and_succeeds(tmp_path: Path, code: int, explained: bool) -> None:
    workbench, installed = tmp_path / "bin" / "workbench", tmp_path / ".installed"
    workbench.parent.mkdir()
    workbench.write_text(f"#!/bin/sh\nexit {code}\n")
    workbench.chmod(0o755)
    (tmp_path / "pyproject.toml").touch()
    installed.touch()
    ran = subprocess.run(
        ["make", "-f", MAKEFILE, "demo", f"VENV={tmp_path}"], cwd=tmp_path, capture_output=True, text=True
    )
    assert (ran.returncode == 0) == (code in (0, 3)), ran.stderr
    assert ("Nothing failed" in ran.stdout) == explained
    assert ("***" in ran.stderr) == (code in (1, 2))


@pytest.mark.parametrize(("code", "passes"), [(0, True), (1, True), (3, True), (2, False), (127, False), (130, False)])
def test_make_measured_takes_only_verdicts(code: int, passes: bool) -> None:
    """0, 1 and 3 are verdicts; 2 is an error, and 127 and above are a command that did not end by itself."""
    line = next(line for line in MAKEFILE.read_text().splitlines() if "case" in line)
    command = line.partition(";")[2].replace("$$", "$")
    assert (subprocess.call(f"(exit {code}); {command}", shell=True) == 0) is passes
