"""The processor, the memory, and the programs that build native code."""

import os
import platform
import re
import shutil
import subprocess

from workbench.extras import NATIVE
from workbench.records.environment import cpu
from workbench.runtime.native.build import OLDEST_CMAKE, cmake_programs, cmake_version, find_ninja
from workbench.runtime.process_info import INT8_DOT_PRODUCTS, cpu_instructions
from workbench.workflows.doctor.item import Item

_BUILDS = "speed.native, times without Python; and the example of a bundle"
_COMPILERS = {
    "Windows": (("cl", "clang++"), "install the Build Tools for Visual Studio, with C++"),
    "Darwin": (("c++", "clang++"), "xcode-select --install"),
    "Linux": (("c++", "g++", "clang++"), "sudo apt install g++"),
}


def machine() -> tuple[Item, ...]:
    """Returns the platform, the processor with its vector instructions, cores, threads and memory."""
    import psutil

    memory = psutil.virtual_memory()
    return (
        Item("platform", platform.platform()),
        Item("cpu", f"{cpu()} ({platform.machine()})"),
        _vector_instructions(),
        Item("cores", _cores()),
        Item("threads", _threads()),
        Item("memory", f"{memory.total / 1e9:.1f} GB, {memory.available / 1e9:.1f} GB free"),
    )


def native_tools() -> tuple[Item, ...]:
    """Returns the compiler, CMake and Ninja."""
    names, install = _COMPILERS.get(platform.system(), _COMPILERS["Linux"])
    compiler, ninja = next((name for name in names if shutil.which(name)), None), find_ninja()
    return (
        Item("compiler", _version_line(compiler) if compiler else None, _BUILDS, fix=install),
        _cmake(),
        Item("ninja", None if ninja is None else f"ninja {_version_line(ninja)}", _BUILDS, fix=NATIVE.install_command),
    )


def _vector_instructions() -> Item:
    found = cpu_instructions()
    if found is None:
        return Item("vector instructions", "not known: this system does not list them")
    dot_products = [name for name in found if name in INT8_DOT_PRODUCTS]
    int8 = f"int8 products by {dot_products[0]}" if dot_products else "no int8 products, so int8 is less fast"
    return Item("vector instructions", f"{' '.join(found) or 'none'} ({int8})")


def _cores() -> str:
    cores = os.cpu_count() or 1
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores
    return f"{cores}" if usable == cores else f"{cores}, {usable} of them for this process"


def _threads() -> str:
    limit = os.environ.get("OMP_NUM_THREADS")
    timing = "recipes time with 1, unless speed.threads is set"
    return f"{timing}; OMP_NUM_THREADS={limit} limits torch" if limit else timing


def _cmake() -> Item:
    lines = [_version_line(program) for program in cmake_programs()]
    least = ".".join(map(str, OLDEST_CMAKE))
    if not lines:
        return Item("cmake", None, _BUILDS, fix=NATIVE.install_command)
    newest = max(lines, key=cmake_version)
    problem = f"ExecuTorch's package for CMake needs {least}" if cmake_version(newest) < OLDEST_CMAKE else ""
    return Item("cmake", newest, _BUILDS, problem, NATIVE.install_command)


def _version_line(program: str) -> str:
    """Returns the first line with a number that a program prints about itself, or its path if there is none."""
    try:
        ran = subprocess.run([program, "--version"], capture_output=True, text=True, errors="replace", timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return str(shutil.which(program))
    lines = [line.strip() for line in (ran.stdout + ran.stderr).splitlines() if re.search(r"\d", line)]
    return lines[0] if lines else str(shutil.which(program))
