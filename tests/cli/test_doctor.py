"""`doctor` and `--version`: what is installed, and what each missing thing would add."""

import importlib.metadata
import json
import sys
from pathlib import Path

import pytest

from tests.helpers.project import workbench
from workbench import extras, supported_versions
from workbench.workflows.doctor import diagnose, machine

PACKAGES = ("pesto-workbench", "torch", "executorch", "torchao", "pesto-pitch")

pytestmark = pytest.mark.usefixtures("folder")


def doctor_items(*words: str) -> dict[str, dict[str, object]]:
    result = workbench("doctor", "--json", *words)
    groups = json.loads(result.stdout)["groups"]
    return {item["name"]: item for items in groups.values() for item in items}


def test_versions_are_those_of_the_installed_packages() -> None:
    items = doctor_items()
    assert {name: items[name]["found"] for name in PACKAGES} == {
        name: importlib.metadata.version(name) for name in PACKAGES
    }
    assert items["python"]["found"] == sys.version.split()[0]
    lines = [f"{name} {importlib.metadata.version(name)}" for name in PACKAGES]
    assert workbench("--version").stdout.splitlines() == lines


def test_unsupported_version_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"torch": "2.1.0", "torchao": importlib.metadata.version("torchao")}
    monkeypatch.setattr(supported_versions, "_installed", found.get)
    result = workbench("doctor")
    assert result.exit_code == 2
    assert (
        "\n  torch                2.1.0\n                       torch 2.1.0 is installed, the workbench"
        in result.stdout
    )
    assert "\n                       pip install 'torch==2.13.0'\n" in result.stdout
    assert result.stdout.endswith("Not ready: pesto-workbench, torch, executorch, pesto-pitch.\n")


def test_missing_extra_names_what_it_adds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda module: None)
    monkeypatch.delenv("QNN_SDK_ROOT", raising=False)
    items = doctor_items()
    for name in ("onnx", "openvino", "coreml", "arm"):
        assert (items[name]["found"], items[name]["fix"]) == (None, f"pip install 'pesto-workbench[{name}]'")
        assert f"lowering.backend: {name}" in str(items[name]["adds"])
    assert "QNN_SDK_ROOT" in str(items["qualcomm"]["fix"])


def test_missing_tools_are_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.shutil, "which", lambda name, path=None: None)
    items = doctor_items()
    assert [items[name]["found"] for name in ("compiler", "cmake", "ninja")] == [None, None, None]


@pytest.mark.parametrize(("line", "is_ok"), [("cmake version 3.25.1", False), ("cmake version 4.1.0", True)])
def test_cmake_must_be_new_enough(monkeypatch: pytest.MonkeyPatch, line: str, is_ok: bool) -> None:
    monkeypatch.setattr(machine, "cmake_programs", lambda: ["/usr/bin/cmake"])
    monkeypatch.setattr(machine, "_version_line", lambda name: line)
    assert doctor_items()["cmake"]["is_ok"] == is_ok


@pytest.mark.parametrize("width", [40, 80, 300])
def test_lines_fit_the_terminal(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """A command is not broken, because it is copied as a whole, and neither is a word such as a path."""
    monkeypatch.setenv("COLUMNS", str(width))
    for line in workbench("doctor").stdout.splitlines():
        assert (
            len(line) <= min(width, 80) or " " not in line[23:] or line[23:].startswith(("pip ", "install ", "sudo "))
        )


def test_folders_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(diagnose.os, "access", lambda path, mode: False)
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    result = workbench("doctor")
    assert (result.exit_code, result.stdout.count("cannot be written")) == (2, 3)
    assert result.stdout.endswith("Not ready: outputs, temporary files, cache.\n")


def test_env_is_the_earlier_name() -> None:
    result = workbench("env", "--json")
    assert json.loads(result.stdout).keys() == {"is_ok", "groups"}
    assert result.stderr == "warning: env: is deprecated; use `workbench doctor`\n"
    assert "  env " not in workbench("--help").stdout
