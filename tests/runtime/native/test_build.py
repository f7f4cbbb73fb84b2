"""What the host is built with, and what is said if something is missing. Nothing is compiled here."""

from pathlib import Path

import pytest

from workbench.errors import NativeHostError
from workbench.runtime.native import build


def a_program(folder: Path, name: str, script: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


ERRORS = {
    "compile": "CMake Error at X:71 (message):\nThe C++ compiler\nmain.cpp:1: error: expected ';'\nninja: stopped",
    "configure": "-- found\nCMake Error at CMakeLists.txt:8 (find_package):\n  Could not find it\n-- errors occurred!",
}


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("CXX", "CXX=no-such-compiler: there is no such compiler"),
        ("compiler", "no C\\+\\+ compiler found; install"),
        ("cmake", "CMake 3.28 or newer is needed; pip install 'pesto-workbench\\[native\\]'"),
        ("new cmake", "is needed \\(found 3.25\\); pip"),
        ("sdk", "has no C\\+\\+ SDK"),
        ("compile", "the.host cannot be built: main.cpp:1: error: expected ';'; .*log has all output"),
        ("configure", r"built: CMake Error at CMakeLists.txt:8 \(find_package\): Could not find it; .*log has all"),
    ],
)
def test_missing_tool_is_one_line(missing: str, message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(build, "_of_package", lambda *_: None)
    if missing == "CXX":
        monkeypatch.setenv("CXX", "no-such-compiler")
    elif missing != "compiler":
        a_program(tools, "c++", "")
    if missing != "cmake":
        version = "3.25.1" if missing == "new cmake" else "3.31.2"
        failing = '[ "$1" = --version ] || { echo "' + ERRORS.get(missing, "") + '"; exit 1; }'
        a_program(tools, "cmake", f"{failing}\necho cmake version {version}")
    if missing == "sdk":
        monkeypatch.setattr(build, "find_spec", lambda _: None)
    with pytest.raises(NativeHostError, match=message) as caught:
        build.compile_project(tmp_path, "the host", tmp_path / "build", tmp_path / "log")
    assert "\n" not in str(caught.value)


def test_host_that_does_not_start_is_built_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    compiler = a_program(tmp_path, "c++", "echo 12.1")
    monkeypatch.setenv("CXX", str(compiler))
    working = f"echo usage >&2; exit {build._USAGE_CODE}"
    built: list[str] = [working, working, working, "echo no such library >&2; exit 127"]

    def compile_project(_source: Path, target: str, folder: Path, _log: Path) -> Path:
        return a_program(folder, target, built.pop(0))

    monkeypatch.setattr(build, "compile_project", compile_project)
    find = build.native_host.__wrapped__
    host = find(tmp_path)
    assert find(tmp_path) == host and len(built) == 3
    host.chmod(0o644)
    find(tmp_path)
    host.write_bytes(b"\x7fELF cut off")
    find(tmp_path)
    host.unlink()
    with pytest.raises(NativeHostError, match="does not start: no such library"):
        find(tmp_path)


def test_key_changes_with_what_the_host_is_built_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    one, other = a_program(tmp_path, "c++", "echo one 12.1"), a_program(tmp_path, "clang++", "echo another 15")
    keys = [build._key(str(one)), build._key(str(other))]
    monkeypatch.setattr(build, "version", lambda _: "1.5.9")
    keys.append(build._key(str(one)))
    monkeypatch.setattr(build, "SOURCE", tmp_path)
    keys.append(build._key(str(one)))
    monkeypatch.setattr(build, "_sdk", lambda: Path("another environment"))
    keys.append(build._key(str(one)))
    assert len(set(keys)) == 5
