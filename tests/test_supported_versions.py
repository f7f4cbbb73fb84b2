"""Versions that the workbench does not support end a command before torch is imported. The metadata are fake ones."""

import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import workbench as api
from tests.helpers.project import workbench
from workbench.errors import UnsupportedVersionError
from workbench.supported_versions import check_versions

SUPPORTED = {"torch": "2.13.0+cpu", "executorch": "1.5.1", "torchao": "0.18.0", "pesto-pitch": "2.0.1"}
DECLARED = ("torch==2.13.0", "executorch<1.6,>=1.5", "torchao==0.18.*", "pesto-pitch==2.0.*", "numpy>=99")
EXTRA = "executorch[vgf]<1.4,>=1.3; extra == 'arm'"
EXECUTORCH = "the workbench supports >=1.5,<1.6"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder that takes the place of every installed package."""
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    check_versions.cache_clear()
    yield tmp_path
    check_versions.cache_clear()


def install(site: Path, package: str, version: str, *lines: str) -> None:
    folder = site / f"{package.replace('-', '_')}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(
        "\n".join(("Metadata-Version: 2.4", f"Name: {package}", f"Version: {version}", *lines))
    )


def install_all(site: Path, pythons: str = ">=3.11,<3.99", **other: str | None) -> None:
    """Installs the supported versions, the `other` ones in their place, and not those that are None."""
    install(
        site,
        "pesto-workbench",
        "0",
        f"Requires-Python: {pythons}",
        *(f"Requires-Dist: {x}" for x in (*DECLARED, EXTRA)),
    )
    for package, version in {
        **SUPPORTED,
        **{name.replace("_", "-"): version for name, version in other.items()},
    }.items():
        if version is not None:
            install(site, package, version)


@pytest.mark.parametrize("other", [{}, {"executorch": "1.5.2rc1"}, {"torch": "2.13.0"}, {"pesto_pitch": "2.0.9"}])
def test_supported_versions_pass(site: Path, other: dict[str, str]) -> None:
    install_all(site, **other)
    check_versions()


@pytest.mark.parametrize(
    "other, message",
    [
        (
            {"executorch": "1.4.1"},
            f"executorch 1.4.1 is installed, {EXECUTORCH}; run: pip install 'executorch>=1.5,<1.6'",
        ),
        (
            {"executorch": "1.6.0"},
            f"executorch 1.6.0 is installed, {EXECUTORCH}; run: pip install 'executorch>=1.5,<1.6'",
        ),
        ({"executorch": None}, f"executorch is not installed, {EXECUTORCH}; run: pip install 'executorch>=1.5,<1.6'"),
        (
            {"torch": "2.12.1+cu128", "pesto_pitch": None},
            "torch 2.12.1+cu128 is installed, the workbench supports ==2.13.0, and pesto-pitch is not installed, the "
            "workbench supports ==2.0.*; run: pip install 'torch==2.13.0' 'pesto-pitch==2.0.*'",
        ),
        (
            {"pythons": ">=3.6,<3.10"},
            f"Python {platform.python_version()} runs the workbench, which supports >=3.6,<3.10; run: "
            "python3.9 -m venv .venv && .venv/bin/pip install pesto-workbench",
        ),
    ],
)
def test_unsupported_version_says_what_to_run(site: Path, other: dict[str, str], message: str) -> None:
    install_all(site, **other)
    ran = workbench("runs")
    assert (ran.exit_code, ran.stdout, ran.stderr) == (2, "", f"error: {message}\n")
    for call in (lambda: api.load_recipe("no.yaml"), lambda: api.load_program("no.pte")):
        with pytest.raises(UnsupportedVersionError) as caught:
            call()
        assert str(caught.value) == message
    assert (
        workbench("runs", "--help").exit_code == workbench("--help").exit_code == workbench("--version").exit_code == 0
    )


def test_workbench_that_is_not_installed(site: Path) -> None:
    with pytest.raises(UnsupportedVersionError, match="run in its folder: pip install -e"):
        check_versions()


def test_check_imports_no_torch() -> None:
    code = (
        "import sys; from workbench.supported_versions import check_versions as c; c(); print('torch' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ran.stdout, ran.stderr) == ("False\n", "")
