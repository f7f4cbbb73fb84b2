"""The folders of input and output: the clips that recipes name, dated folders below `outputs/`, the caches."""

from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.storage.cache_folder import cache_folder
from workbench.storage.shipped import shipped_clips

if TYPE_CHECKING:
    from workbench.audio.clip_catalog import ClipCatalog

OUTPUTS = Path("outputs")
LOCAL_CLIPS = Path("calib_audio")


def program_store() -> Path:
    """Returns the cache of programs, which all projects share. Raises WorkbenchError if it cannot be used."""
    return cache_folder("programs")


def baseline_store() -> Path:
    """Returns the cache of the baseline's frames. Raises WorkbenchError if it cannot be used."""
    return cache_folder("baselines")


def open_catalog(folder: Path | None = None) -> "ClipCatalog":
    """Returns the clips that recipes can name.

    They are those of `folder`. By default, they are those of `calib_audio` in the current folder if it has a manifest
    or recordings, or else the shipped ones.
    """
    from workbench.audio.clip_catalog import ClipCatalog, has_clips  # imports scipy, and not every command needs clips

    return ClipCatalog(folder or (LOCAL_CLIPS if has_clips(LOCAL_CLIPS) else shipped_clips()))


def new_output_folder(name: str, parent: Path = OUTPUTS) -> Path:
    """Creates `<date>-<time>-<name>` below `parent`, numbered if it exists. No other process gets the same folder."""
    stem = f"{datetime.now():%Y%m%d-%H%M%S}-{name}"
    folder, count = parent / stem, 1
    while True:
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            count += 1
            folder = parent / f"{stem}-{count}"
        else:
            return folder


def unused_output_folder(name: str, parent: Path = OUTPUTS) -> Path:
    """Returns `<date>-<time>-<name>` below `parent`, and does not create it: there may be nothing to write."""
    return parent / f"{datetime.now():%Y%m%d-%H%M%S}-{name}"


def remove_if_empty(folder: Path) -> None:
    """Removes a folder that a command created and left empty."""
    with suppress(OSError):
        folder.rmdir()
