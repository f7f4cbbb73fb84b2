"""The machine and the library versions that numbers were measured with."""

import functools
import os
import platform
import re
import subprocess
from importlib.metadata import requires, version
from pathlib import Path

from pydantic import Field

from workbench.record_model import RecordModel


class Environment(RecordModel):
    """The machine and the library versions that numbers were measured with.

    Attributes:
        python: The version of Python.
        platform: The operating system and its version.
        cpu: The processor's name.
        cores: The number of cores of the processor.
        threads: The number of threads of the timing.
        torch: The version of torch.
        executorch: The version of ExecuTorch.
        torchao: The version of torchao.
        pesto: The version of pesto-pitch.
        workbench: The version of the workbench.
        commit: The commit of the workbench's checkout; it ends in `-dirty` if files were changed.
        libraries: The version of every declared dependency, by package; the stored results in docs/ have none.
    """

    python: str
    platform: str
    cpu: str
    cores: int
    threads: int
    torch: str
    executorch: str
    torchao: str
    pesto: str
    workbench: str
    commit: str | None
    libraries: dict[str, str] = Field(default={})


def environment(threads: int) -> Environment:
    """Describes this machine and this installation. `threads` is the number of threads of the timing."""
    commit = _commit()
    return Environment(
        **versions(),
        platform=platform.platform(),
        cpu=cpu(),
        cores=os.cpu_count() or 1,
        threads=threads,
        commit=commit,
        libraries=dependencies(),
        null_reasons={} if commit else {"commit": "not run from a git checkout"},
    )


@functools.cache
def versions() -> dict[str, str]:
    """Returns the versions of Python and of the packages with a field in `Environment`, by field."""
    packages = {
        "torch": "torch",
        "executorch": "executorch",
        "torchao": "torchao",
        "pesto": "pesto-pitch",
        "workbench": "pesto-workbench",
    }
    return {"python": platform.python_version(), **{name: version(package) for name, package in packages.items()}}


@functools.cache
def dependencies() -> dict[str, str]:
    """Returns the installed version of every declared dependency without the extras, by package name."""
    names = [re.split(r"[^\w.-]", line)[0] for line in requires("pesto-workbench") or () if "extra ==" not in line]
    return {name: version(name) for name in sorted(names)}


def _commit() -> str | None:
    try:
        _git("ls-files", "--error-unmatch", Path(__file__).name)  # fails if installed into another project's checkout
        return _git("describe", "--always", "--abbrev=12", "--dirty", "--exclude=*")
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(*words: str) -> str:
    here = Path(__file__).parent
    return subprocess.run(["git", "-C", str(here), *words], capture_output=True, text=True, check=True).stdout.strip()


def cpu() -> str:
    """Returns the processor's name, or its architecture if the system has no name for it."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
