"""Where the output goes if the user names no folder: dated folders below `outputs/`, and the cache of programs."""

from contextlib import suppress
from datetime import datetime
from pathlib import Path

OUTPUTS = Path("outputs")
PROGRAM_STORE = OUTPUTS / ".programs"
"""The cache of programs by fingerprint, shared by all runs."""


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


def remove_if_empty(folder: Path) -> None:
    """Removes a folder that a command created and left empty."""
    with suppress(OSError):
        folder.rmdir()
