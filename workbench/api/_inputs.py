"""What the functions of the API share: the clips that recipes can name, and a recipe that is ready to run."""

from pathlib import Path
from typing import TYPE_CHECKING

from workbench.supported_versions import check_versions

if TYPE_CHECKING:
    from workbench.audio.clip_catalog import ClipCatalog
    from workbench.recipe import Recipe
    from workbench.workflows.variant.prepare import PreparedVariant


def open_clips(folder: str | Path | None) -> "ClipCatalog":
    """Returns the clips in a folder, or else those of `calib_audio`, or the shipped ones."""
    from workbench.workflows.folders import open_catalog

    return open_catalog(None if folder is None else Path(folder))


def prepare_again(recipe: "Recipe", catalog: "ClipCatalog") -> "PreparedVariant":
    """Validates a recipe again, since a copy can have any values, and loads its model."""
    check_versions()
    from workbench.workflows.load_recipes import validate_again

    valid = validate_again(recipe, catalog)
    from workbench.workflows.variant.prepare import prepare

    return prepare(valid)
