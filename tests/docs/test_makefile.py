"""`make demo` with a workbench that only ends: what make makes of each exit code."""

import shutil
import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parent.parent.parent / "Makefile"


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")
@pytest.mark.parametrize(("code", "told"), [(0, False), (1, False), (2, False), (3, True)])
def test_a_demo_in_doubt_is_told_and_no_failure(tmp_path: Path, code: int, told: bool) -> None:
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
    assert ("Nothing failed." in ran.stdout) == told
    assert ("***" in ran.stderr) == (code in (1, 2))
