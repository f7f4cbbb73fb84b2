"""The versions of Python and of the export toolchain that the workbench supports, checked before any is imported.

The ranges are those that the installed workbench declares, so they stand only in pyproject.toml.
"""

import functools
import platform
import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata, version

from packaging.specifiers import SpecifierSet

from workbench.errors import UnsupportedVersionError

WORKBENCH, PYTHON = "pesto-workbench", "python"
CHECKED = ("torch", "executorch", "torchao", "pesto-pitch")
"""The packages whose other versions fail with errors that do not name the cause."""

_INSTALL = "pip install "
_REQUIREMENT = re.compile(r"([\w.-]+)([^;\[]*)")  # of no extra; packaging.requirements takes 15 ms to import


@dataclass(frozen=True)
class VersionProblem:
    """What is wrong with the version of Python or of a package, and the command that installs a supported one."""

    what: str
    command: str

    def __str__(self) -> str:
        return f"{self.what}; run: {self.command}"


@functools.cache
def check_versions() -> None:
    """Checks the versions of Python, torch, ExecuTorch, torchao and pesto-pitch; imports none of them.

    Raises:
        UnsupportedVersionError: Python or a package is missing or outside the supported range. The message says what
            was found, what is supported, and the command that installs it.
    """
    problems = version_problems()
    if PYTHON in problems:
        raise UnsupportedVersionError(str(problems[PYTHON]))
    if problems:
        what = ", and ".join(problem.what for problem in problems.values())
        packages = " ".join(problem.command.removeprefix(_INSTALL) for problem in problems.values())
        raise UnsupportedVersionError(f"{what}; run: {_INSTALL}{packages}")


def version_problems() -> dict[str, VersionProblem]:
    """Returns what is wrong, by `PYTHON` or the package; empty if all versions are supported.

    Raises:
        UnsupportedVersionError: The workbench is not installed, so its requirements are unknown.
    """
    try:
        declared = metadata(WORKBENCH)
    except PackageNotFoundError:
        raise UnsupportedVersionError(
            f"{WORKBENCH} is not installed, so its requirements are unknown; run in its folder: pip install -e ."
        ) from None
    lines = (_REQUIREMENT.fullmatch(line) for line in declared.get_all("Requires-Dist") or ())
    ranges = {line[1]: SpecifierSet(line[2]) for line in lines if line and line[1] in CHECKED}
    found = {
        PYTHON: _python_problem(SpecifierSet(declared["Requires-Python"])),
        **{name: _package_problem(name, versions) for name, versions in ranges.items()},
    }
    return {name: problem for name, problem in found.items() if problem}


def installed_versions() -> dict[str, str | None]:
    """Returns the version of the workbench and of each package whose version is checked; None if it is missing."""
    return {package: _installed(package) for package in (WORKBENCH, *CHECKED)}


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _python_problem(supported: SpecifierSet) -> VersionProblem | None:
    found = platform.python_version()
    if supported.contains(found, prereleases=True):
        return None
    newest = max(minor for minor in range(100) if f"3.{minor}" in supported)
    return VersionProblem(
        f"Python {found} runs the workbench, which supports {_range(supported)}",
        f"python3.{newest} -m venv .venv && .venv/bin/pip install {WORKBENCH}",
    )


def _package_problem(package: str, supported: SpecifierSet) -> VersionProblem | None:
    command = f"{_INSTALL}'{package}{_range(supported)}'"
    found = _installed(package)
    if found is None:
        return VersionProblem(f"{package} is not installed, the workbench supports {_range(supported)}", command)
    if supported.contains(found, prereleases=True):
        return None
    return VersionProblem(f"{package} {found} is installed, the workbench supports {_range(supported)}", command)


def _range(versions: SpecifierSet) -> str:
    """Returns a range with its lower end first; its own text has no order."""
    return ",".join(sorted(map(str, versions), reverse=True))
