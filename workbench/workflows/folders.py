"""The folders of input and output: the project's folders, dated folders below `outputs/`, the cache of programs."""

from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.audio.corpus import Corpus

_CHECKOUT = Path(__file__).parent.parent.parent
OUTPUTS = Path("outputs")
PROGRAM_STORE = OUTPUTS / ".programs"
"""The cache of programs by fingerprint, shared by all runs."""


def project_folder(name: str) -> Path:
    """Returns a folder of the project by its name: in the current folder, or else in the checkout."""
    return Path(name) if Path(name).is_dir() else _CHECKOUT / name


def open_corpus(folder: Path | None = None) -> "Corpus":
    """Returns the clips that recipes can name, from `folder` or else from the project's calib_audio."""
    from workbench.audio.corpus import Corpus  # imports scipy, and not every command needs clips

    return Corpus(folder or project_folder("calib_audio"))


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
