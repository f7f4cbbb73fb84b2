"""The folder of what is kept between commands: clips, programs, corpora and more, in one folder for all projects.

`WORKBENCH_CACHE` names it. By default it is the cache folder that the system has for each user. A cached program is
loaded and run, so only a folder that no other user can write to is used.

The cache has a folder for each kind of entry. Each entry is a folder below it, named by a hash of all that the entry is
made from. Everything in it can be made or fetched again.
"""

import os
import stat
import tempfile
import warnings
from pathlib import Path
from typing import Literal

import platformdirs

from workbench.errors import WorkbenchError, WorkbenchWarning

CACHE_VARIABLE = "WORKBENCH_CACHE"
CacheKind = Literal["programs", "baselines", "clips", "hosts", "corpora", "training"]
"""What is kept: programs by the hash of all that they are built from, the baseline's frames of a clip by that of all
that they depend on, synthetic clips by that of their manifest entry, native hosts by that of the compiler, the SDK and
the sources, published corpora by that of their name, frames that students are trained on by that of their settings."""

_PRIVATE = 0o700
_SYSTEM_USER = 0


def cache_folder(kind: CacheKind) -> Path:
    """Returns the folder of the entries of a kind. Creates it if it is missing.

    If the user's cache folder cannot be used, the folder is a temporary one of this process, and a warning says so.

    Raises:
        WorkbenchError: The folder that `WORKBENCH_CACHE` names cannot be used.
    """
    root = cache_root()
    reason = _unusable_reason(root, kind)
    if not reason:
        return root / kind
    if os.environ.get(CACHE_VARIABLE):
        raise WorkbenchError(f"{CACHE_VARIABLE}: {root} {reason}; set it to a folder of your own, or unset it")
    folder = _temporary_root(f"{root}: {reason}") / kind
    folder.mkdir(exist_ok=True)
    return folder


def cache_root() -> Path:
    """Returns the folder that has a folder for each kind. It may be missing or unusable."""
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    return platformdirs.user_cache_path("pesto-workbench", appauthor=False)


def _unusable_reason(root: Path, kind: str) -> str:
    """Returns why entries cannot be kept in a folder, or "" if they can. Creates the folder if it is missing."""
    if not root.is_absolute():
        return "is no absolute path, as no home folder is known"
    try:
        for folder in (root, root / kind):
            folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
            reason = unsafe_reason(folder.stat())
            if reason:
                return reason
    except FileExistsError:
        return f"has a file {kind}" if root.is_dir() else "is not a folder"
    except OSError as error:
        return f"cannot be created ({error.strerror})"
    return ""


def unsafe_reason(folder: os.stat_result) -> str:
    """Returns why another user could have put a program into a folder, or "" if none could."""
    if not hasattr(os, "geteuid"):  # Windows gives each user a folder that others cannot write to
        return ""
    if folder.st_uid not in (_SYSTEM_USER, os.geteuid()):
        return "belongs to another user"
    return "can be written by every user" if folder.st_mode & stat.S_IWOTH else ""


def _temporary_root(reason: str) -> Path:
    """Returns the temporary folder of this process. The first call creates it, and warns with the reason."""
    if _until_exit:
        return Path(_until_exit[0].name)
    try:
        folder = tempfile.TemporaryDirectory(prefix="workbench-cache-")
    except OSError:
        raise WorkbenchError(f"{reason}; set {CACHE_VARIABLE} to a folder that can be written") from None
    _until_exit.append(folder)
    warnings.warn(
        f"{reason}; set {CACHE_VARIABLE} to a folder to keep clips and programs, a temporary one is used until then",
        WorkbenchWarning,
        stacklevel=3,
    )
    return Path(folder.name)


_until_exit: list[tempfile.TemporaryDirectory[str]] = []  # their finalizers delete them
