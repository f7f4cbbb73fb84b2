"""What the functions of the API share: the clips that recipes can name, and a recipe that is ready to run."""

from pathlib import Path
from typing import TYPE_CHECKING

from workbench.supported_versions import check_versions

if TYPE_CHECKING:
    from workbench.audio.corpus import Corpus
    from workbench.recipe import Recipe
    from workbench.workflows.variant.prepare import PreparedVariant


def open_clips(folder: str | Path | None) -> "Corpus":
    """Returns the clips in a folder, or else those of `calib_audio`, or the shipped ones."""
    from workbench.workflows.folders import open_corpus

    return open_corpus(None if folder is None else Path(folder))


def prepare_again(recipe: "Recipe", corpus: "Corpus") -> "PreparedVariant":
    """Validates a recipe again, since a copy can have any values, and loads its model."""
    check_versions()
    from workbench.workflows.load_recipes import validate_again

    valid = validate_again(recipe, corpus)
    from workbench.workflows.variant.prepare import prepare

    return prepare(valid)
