"""Collects what `doctor` prints: versions, machine, native tools, extras and storage."""

import os
import platform
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from workbench.errors import UnsupportedVersionError
from workbench.extras import EXTRAS, QUALCOMM, Extra
from workbench.storage.cache_folder import CACHE_VARIABLE, cache_root, unsafe_reason
from workbench.supported_versions import PYTHON, WORKBENCH, VersionProblem, installed_versions, version_problems
from workbench.workflows.doctor.item import Diagnosis, Item
from workbench.workflows.doctor.machine import machine, native_tools
from workbench.workflows.folders import OUTPUTS

_LEAST_FREE_BYTES = 1_000_000_000  # a run of all shipped recipes writes some 300 MB


def diagnose() -> Diagnosis:
    """Looks at this machine. Writes nothing, and imports neither torch nor ExecuTorch."""
    return Diagnosis(
        {
            "versions": _versions(),
            "machine": machine(),
            "storage": _storage(),
            "extras": (*(_extra(extra) for extra in EXTRAS), _qualcomm()),
            "native tools": native_tools(),
        }
    )


def _versions() -> tuple[Item, ...]:
    try:
        problems = version_problems()
    except UnsupportedVersionError as error:
        return (Item(WORKBENCH, None, problem=str(error), is_required=True),)
    found = {PYTHON: platform.python_version(), **installed_versions()}
    return tuple(_version_item(name, number, problems.get(name)) for name, number in found.items())


def _version_item(name: str, found: str | None, problem: VersionProblem | None) -> Item:
    if problem is None:
        return Item(name, found, is_required=True)
    return Item(name, found, problem=problem.what, fix=problem.command, is_required=True)


def _extra(extra: Extra) -> Item:
    hint = extra.missing_hint()
    found = ", ".join(f"{name} {number}" for name, number in extra.versions().items())
    return Item(extra.name, None if hint else found, extra.adds, fix=extra.install_command)


def _qualcomm() -> Item:
    variable = QUALCOMM.sdk_variable
    fix = f"install Qualcomm's AI Engine Direct SDK and set {variable} to its folder"
    return Item(QUALCOMM.name, os.environ.get(variable), QUALCOMM.adds, fix=fix)


def _storage() -> tuple[Item, ...]:
    return (
        _folder("outputs", OUTPUTS.absolute(), "choose another folder with --out"),
        _folder("temporary files", Path(_temporary_folder()), "set TMPDIR to a folder that can be written"),
        _cache(),
    )


def _folder(name: str, folder: Path, fix: str) -> Item:
    """Returns how much is free where a folder is or would be created."""
    there = _existing(folder)
    free_bytes = shutil.disk_usage(there).free
    problem = "" if os.access(there, os.W_OK) else "cannot be written"
    if not problem and free_bytes < _LEAST_FREE_BYTES:
        problem = f"less than {_LEAST_FREE_BYTES / 1e9:g} GB is free"
    return Item(name, f"{folder}, {free_bytes / 1e9:.1f} GB free", "", problem, fix, is_required=True)


def _existing(folder: Path) -> Path:
    """Returns the folder, or the nearest one above it that exists."""
    return next(path for path in (folder, *folder.parents) if path.is_dir())


def _cache() -> Item:
    """Returns the cache folder with its size. Without it the workbench uses a temporary one, unless it is named."""
    root, is_named = cache_root(), bool(os.environ.get(CACHE_VARIABLE))
    fix = f"set {CACHE_VARIABLE} to a folder of your own"
    if not root.is_absolute():
        return Item("cache", None, "clips and programs are kept; no home folder is known", fix=fix)
    item = replace(_folder("cache", root, fix), is_required=is_named)
    unsafe = unsafe_reason(root.stat()) if root.is_dir() else ""
    if unsafe:
        return replace(item, problem=unsafe)
    size_bytes = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
    return replace(item, found=f"{item.found}, {size_bytes / 1e6:.1f} MB used")


def _temporary_folder() -> str:
    try:
        return tempfile.gettempdir()
    except FileNotFoundError:  # none of the usual ones can be written
        return os.environ.get("TMPDIR", "/tmp")
