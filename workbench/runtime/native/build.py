"""Builds the native host on first use, from the sources in this package and the SDK that ExecuTorch's wheel carries.

The host is cached by the compiler, the installed ExecuTorch and the sources. Building takes about ten seconds.
"""

import functools
import hashlib
import os
import platform
import re
import shutil
import subprocess
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from workbench.errors import NativeHostError
from workbench.extras import NATIVE
from workbench.runtime.native import SOURCE
from workbench.storage.atomic import write_atomic
from workbench.storage.locks import folder_lock

HOST, PROFILER = "pesto_host", "pesto_profiler"
"""The programs that are built from the sources: the host, and the one that can record operators as well."""
LOG_NAME = "build.log"
_USAGE_CODE = 2
"""The exit code of the host without arguments."""
_START_LIMIT_S = 60.0
_COMPILERS = ("c++", "g++", "clang++", "cl")
OLDEST_CMAKE = (3, 28)
"""Older ones write the relative library paths of ExecuTorch's package wrongly."""


@functools.cache
def native_host(cache: Path, target: str = HOST) -> Path:
    """Returns the native host, or its profiler, and builds it if the folder `cache` does not have it yet.

    Raises:
        NativeHostError: There is no compiler, no CMake or no SDK, or the compiler fails. `build.log` in the folder of
            the host has all of its output.
        OSError: The cache cannot be written.
    """
    folder = cache / _key(_compiler())
    host = folder / _file_name(target)
    if _start_problem(host):
        with folder_lock(folder, wait=True):
            if _start_problem(host):  # unless another process has built it meanwhile
                _build(folder, target)
    return host


def _file_name(target: str) -> str:
    return f"{target}.exe" if platform.system() == "Windows" else target


def _build(folder: Path, target: str) -> None:
    log = folder / LOG_NAME
    with tempfile.TemporaryDirectory(prefix="workbench-") as build:
        built = compile_project(SOURCE, target, Path(build), log)
        host = folder / built.name
        write_atomic(host, built.read_bytes())
        host.chmod(0o755)
    if problem := _start_problem(host):
        raise NativeHostError(f"{host}: the native host was built and does not start: {problem}")


def _start_problem(host: Path) -> str:
    """Returns why a host does not start, "" if it does. Its file may be damaged, or a library may be gone."""
    try:
        ran = subprocess.run([host], capture_output=True, text=True, check=False, timeout=_START_LIMIT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return "" if ran.returncode == _USAGE_CODE else ran.stderr.strip() or f"exit code {ran.returncode}"


def compile_project(source: Path, target: str, build: Path, log: Path) -> Path:
    """Compiles a CMake project against ExecuTorch's SDK.

    Args:
        source: The folder with its CMakeLists.txt.
        target: The program to build.
        build: An empty folder for what the compiler makes.
        log: A file for all output.

    Returns:
        The path of the program, in `build`.

    Raises:
        NativeHostError: There is no compiler, no CMake or no SDK, or the compiler fails.
    """
    cmake = str(_cmake())
    configure = [cmake, "-S", str(source), "-B", str(build), f"-Dexecutorch_DIR={_sdk()}", *_generator()]
    configure += ["-DCMAKE_BUILD_TYPE=Release", f"-DCMAKE_CXX_COMPILER={_compiler()}"]
    with log.open("wb") as output:
        for command in (configure, [cmake, "--build", str(build), "--config", "Release", "--target", target]):
            if subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False).returncode:
                output.flush()
                raise NativeHostError(f"{target} cannot be built: {_first_error(log)}; {log} has all output")
    return next(path for path in build.rglob(_file_name(target)) if path.is_file())


def _compiler() -> str:
    """Returns the path of the C++ compiler: that of the variable CXX, or the first usual one."""
    requested = os.environ.get("CXX")
    for name in [requested] if requested else _COMPILERS:
        found = shutil.which(name)
        if found:
            return found
    if requested:
        raise NativeHostError(f"CXX={requested}: there is no such compiler; correct or unset the variable CXX")
    raise NativeHostError("no C++ compiler found; install g++ or clang, or name one with the variable CXX")


def _cmake() -> Path:
    """Returns a CMake that is new enough: that of the extra `native`, or the system's."""
    found = (0, 0)
    for program in cmake_programs():
        found = cmake_version(
            subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
        )
        if found >= OLDEST_CMAKE:
            return Path(program)
    least, old = ".".join(map(str, OLDEST_CMAKE)), f" (found {found[0]}.{found[1]})" if found > (0, 0) else ""
    raise NativeHostError(f"CMake {least} or newer is needed{old}; {NATIVE.install_command}")


def cmake_programs() -> list[str]:
    """Returns the paths of CMake: that of the extra `native`, then the system's."""
    return [path for path in (_of_package("cmake", "CMAKE_BIN_DIR", "cmake"), shutil.which("cmake")) if path]


def cmake_version(text: str) -> tuple[int, int]:
    """Returns the version that `cmake --version` printed, (0, 0) if there is none in it."""
    numbers = re.search(r"(\d+)\.(\d+)", text)
    return (int(numbers[1]), int(numbers[2])) if numbers else (0, 0)


def find_ninja() -> str | None:
    """Returns the path of Ninja: that of the extra `native`, or the system's. CMake works without it."""
    return _of_package("ninja", "BIN_DIR", "ninja") or shutil.which("ninja")


def _generator() -> list[str]:
    ninja = find_ninja()
    return ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}"] if ninja else []


def _of_package(package: str, attribute: str, program: str) -> str | None:
    """Returns the path of a program that a Python package carries; None if the package is not installed."""
    if find_spec(package) is None:
        return None
    folder = getattr(__import__(package), attribute, "")
    return shutil.which(program, path=str(folder))


def _sdk() -> Path:
    """Returns the folder of ExecuTorch's CMake package."""
    spec = find_spec("executorch")
    for root in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(root) / "share" / "cmake"
        if (folder / "executorch-config.cmake").is_file() and any((Path(root) / "lib").glob("*executorch*")):
            return folder
    raise NativeHostError("the installed ExecuTorch has no C++ SDK; pip install --force-reinstall --no-deps executorch")


def _key(compiler: str) -> str:
    """Returns the name of the folder of a host: a hash of everything that it is built from."""
    made_from = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False).stdout
    sdk = f"{version('executorch')}\n{_sdk()}"  # the host finds the libraries of the SDK by their paths
    digest = hashlib.sha256(f"{compiler}\n{made_from}\n{sdk}\n{platform.platform()}\n".encode())
    for file in sorted(SOURCE.iterdir()):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _first_error(log: Path) -> str:
    """Returns the first error of the compiler; if it has none, that of CMake with the line that follows it."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    for pattern, count in ((r"\berror( C\d+)?: ", 1), (r"^CMake Error", 2)):
        for number, line in enumerate(lines):
            if re.search(pattern, line):
                return " ".join(lines[number : number + count])
    return lines[-1] if lines else ""
