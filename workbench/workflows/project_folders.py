"""The folders of the project: in the current folder, or else in the checkout that this code is in."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.audio.corpus import Corpus

_CHECKOUT = Path(__file__).parent.parent.parent


def project_folder(name: str) -> Path:
    """Returns a folder of the project by its name: in the current folder, or else in the checkout."""
    return Path(name) if Path(name).is_dir() else _CHECKOUT / name


def shipped_recipe(name: str) -> Path:
    """Returns a recipe of the project by its file name: in the current folder, or else in the checkout."""
    local = Path("recipes") / name
    return local if local.is_file() else _CHECKOUT / "recipes" / name


def open_corpus(folder: Path | None = None) -> "Corpus":
    """Returns the clips that recipes can name, from `folder` or else from the project's calib_audio."""
    from workbench.audio.corpus import Corpus  # imports scipy, and not every command needs clips

    return Corpus(folder or project_folder("calib_audio"))
