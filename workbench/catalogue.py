"""Recipes held against what there is: checkpoints, clips and metrics. Imports no torch, so that checking is quick."""

from collections.abc import Sequence
from pathlib import Path

from workbench.audio.corpus import Corpus
from workbench.audit.results import gateable
from workbench.model.checkpoint import packaged_checkpoints
from workbench.recipe import Recipe, Vocabulary, load_recipes, recipe_files


def recipes_of(paths: Sequence[Path], corpus: Corpus) -> list[Recipe]:
    """The variants of recipe files and folders. Raises RecipeError with every mistake in any of them."""
    vocabulary = Vocabulary(tuple(packaged_checkpoints()), corpus.clips(), corpus.folders(), gateable())
    files = [file for path in paths for file in (recipe_files(path) if path.is_dir() else [path])]
    return load_recipes(files, vocabulary)
