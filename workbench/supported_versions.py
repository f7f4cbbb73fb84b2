"""The versions of Python and of the export toolchain that the workbench supports, checked before any is imported.

The ranges are those that the installed workbench declares, so they stand only in pyproject.toml.
"""

import functools
import platform
import re
from importlib.metadata import PackageNotFoundError, metadata, version

from packaging.specifiers import SpecifierSet

from workbench.errors import UnsupportedVersionError

_WORKBENCH = "pesto-workbench"
_CHECKED = ("torch", "executorch", "torchao", "pesto-pitch")
"""The packages whose other versions fail with errors that do not name the cause."""

_REQUIREMENT = re.compile(r"([\w.-]+)([^;\[]*)")  # of no extra; packaging.requirements takes 15 ms to import


@functools.cache
def check_versions() -> None:
    """Checks the versions of Python, torch, ExecuTorch, torchao and pesto-pitch; imports none of them.

    Raises:
        UnsupportedVersionError: Python or a package is missing or outside the supported range. The message says what
            was found, what is supported, and the command that installs it.
    """
    try:
        declared = metadata(_WORKBENCH)
    except PackageNotFoundError:
        raise UnsupportedVersionError(
            f"{_WORKBENCH} is not installed, so its requirements are unknown; run in its folder: pip install -e ."
        ) from None
    pythons = SpecifierSet(declared["Requires-Python"])
    if not pythons.contains(platform.python_version(), prereleases=True):
        newest = max(minor for minor in range(100) if f"3.{minor}" in pythons)
        raise UnsupportedVersionError(
            f"Python {platform.python_version()} runs the workbench, which supports {_range(pythons)}; run: "
            f"python3.{newest} -m venv .venv && .venv/bin/pip install {_WORKBENCH}"
        )
    lines = (_REQUIREMENT.fullmatch(line) for line in declared.get_all("Requires-Dist") or ())
    ranges = {line[1]: SpecifierSet(line[2]) for line in lines if line and line[1] in _CHECKED}
    problems = {name: problem for name, versions in ranges.items() if (problem := _problem(name, versions))}
    if problems:
        install = " ".join(f"'{name}{_range(ranges[name])}'" for name in problems)
        raise UnsupportedVersionError(f"{', and '.join(problems.values())}; run: pip install {install}")


def _problem(package: str, supported: SpecifierSet) -> str | None:
    try:
        found = version(package)
    except PackageNotFoundError:
        return f"{package} is not installed, the workbench supports {_range(supported)}"
    if supported.contains(found, prereleases=True):
        return None
    return f"{package} {found} is installed, the workbench supports {_range(supported)}"


def _range(versions: SpecifierSet) -> str:
    """Returns a range with its lower end first; its own text has no order."""
    return ",".join(sorted(map(str, versions), reverse=True))
