"""`make` creates the environment with the newest supported Python that runs, and explains the verdict of its demo."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parent.parent
SUPPORTED = ("3.13", "3.12", "3.11")

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="no make")


def created(folder: Path, running: tuple[str, ...], *words: str) -> subprocess.CompletedProcess[str]:
    """Creates an environment where `python3.x` exists for every supported version, but only some of them run."""
    for version in SUPPORTED:
        works = f'test "$1" = --version && echo "Python {version}.9"; exit 0' if version in running else "exit 127"
        (folder / f"python{version}").write_text(f"#!/bin/sh\n{works}\n")
        (folder / f"python{version}").chmod(0o755)
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    environment.pop("PYTHON", None)
    command = ("make", "-C", ROOT, "--no-print-directory", f"VENV={folder}/venv", f"{folder}/venv/bin/python", *words)
    return subprocess.run(command, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("running, taken", [(SUPPORTED, "3.13"), (("3.12", "3.11"), "3.12"), (("3.11",), "3.11")])
def test_newest_python_that_runs_is_taken(tmp_path: Path, running: tuple[str, ...], taken: str) -> None:
    ran = created(tmp_path, running)
    assert ran.stdout == f"creating {tmp_path}/venv with python{taken}, Python {taken}.9\n", ran.stderr


@pytest.mark.parametrize(
    "words, message",
    [
        ((), "None of Python 3.13 3.12 3.11 runs; install one, or name it: make PYTHON=/path/to/python"),
        (("PYTHON=python3.11",), "Error 127"),
    ],
)
def test_no_python_runs(tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    ran = created(tmp_path, (), *words)
    assert (ran.returncode, ran.stdout, message in ran.stderr) == (2, "", True), ran.stderr


def test_versions_are_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    supported = SpecifierSet(project["requires-python"])
    assert tuple(v for v in (f"3.{minor}" for minor in range(30, 0, -1)) if v in supported) == SUPPORTED
    assert f"PYTHONS := {' '.join(SUPPORTED)}\n" in (ROOT / "Makefile").read_text()
    (matrix,) = re.findall(r"python: \[(.*)\]", (ROOT / ".github/workflows/ci.yml").read_text())
    assert matrix == ", ".join(f'"{v}"' for v in reversed(SUPPORTED))


@pytest.mark.parametrize(("code", "explained"), [(0, False), (1, False), (2, False), (3, True)])
def test_demo_inconclusive_is_explained_and_succeeds(tmp_path: Path, code: int, explained: bool) -> None:
    workbench, installed = tmp_path / "bin" / "workbench", tmp_path / ".installed"
    workbench.parent.mkdir()
    workbench.write_text(f"#!/bin/sh\nexit {code}\n")
    workbench.chmod(0o755)
    for path in (tmp_path / "pyproject.toml", workbench.with_name("python"), installed):  # so make creates nothing
        path.touch()
    ran = subprocess.run(
        ["make", "-f", ROOT / "Makefile", "demo", f"VENV={tmp_path}"], cwd=tmp_path, capture_output=True, text=True
    )
    assert (ran.returncode == 0) == (code in (0, 3)), ran.stderr
    assert ("Nothing failed" in ran.stdout) == explained
    assert ("***" in ran.stderr) == (code in (1, 2))


@pytest.mark.parametrize(("code", "passes"), [(0, True), (1, True), (3, True), (2, False), (127, False), (130, False)])
def test_make_measured_takes_only_verdicts(code: int, passes: bool) -> None:
    """0, 1 and 3 are verdicts; 2 is an error, and 127 and above are a command that did not end by itself."""
    line = next(line for line in (ROOT / "Makefile").read_text().splitlines() if "case" in line)
    command = line.partition(";")[2].replace("$$", "$")
    assert (subprocess.call(f"(exit {code}); {command}", shell=True) == 0) is passes
