"""Recipes held against what there is: checkpoints, clips and metrics. Imports no torch, so that checking is quick."""

from collections.abc import Sequence
from pathlib import Path

from workbench.audio.corpus import Corpus
from workbench.errors import CheckpointError, RecipeError
from workbench.model.checkpoint import checkpoint_sha256, packaged_checkpoints
from workbench.recipe import (
    KnownNames,
    Recipe,
    from_resolved,
    invalid_name_reason,
    load_recipes,
    override_gates,
    read_limits,
    recipe_files,
)
from workbench.records.result import Result, gate_metrics


def load_variants(paths: Sequence[Path], corpus: Corpus, gates: Path | None = None) -> list[Recipe]:
    """The variants of recipe files and folders, the limits of the file `gates` laid over their own.

    Raises RecipeError with every mistake in any of them.
    """
    vocabulary = KnownNames(tuple(packaged_checkpoints()), corpus.clips(), corpus.folders(), gate_metrics())
    files = [file for path in paths for file in (recipe_files(path) if path.is_dir() else [path])]
    problems: list[str] = []
    limits: dict[str, str | None] = {}
    recipes: list[Recipe] = []
    try:
        limits = load_gate_overrides(gates) if gates else {}
    except RecipeError as error:
        problems += error.problems
    try:
        recipes = load_recipes(files, vocabulary)
    except RecipeError as error:
        problems += error.problems
    if problems:
        raise RecipeError(problems)
    return [recipe.model_copy(update={"gates": override_gates(recipe.gates, limits)}) for recipe in recipes]


def load_gate_overrides(path: Path) -> dict[str, str | None]:
    """The limits in a file of gates, to lay over a recipe's own. Raises RecipeError with every mistake in it."""
    return read_limits(path, KnownNames((), (), (), gate_metrics()))


def recipe_from_result(record: Result, path: Path) -> Recipe:
    """The recipe of the record at `path`. Raises RecipeError where today's workbench has no such recipe, or none can
    have that name, which becomes a folder's; CheckpointError where its checkpoint is gone, or may run code and is not
    the file that was trusted."""
    if problem := invalid_name_reason(record.recipe.name):
        raise RecipeError([f"{path}: recipe.name: {problem}"])
    try:
        recipe = from_resolved(record.recipe.name, path, record.recipe.resolved)
    except RecipeError as error:
        raise RecipeError([f"{path}: recipe.resolved: {problem}" for problem in error.problems]) from None
    if recipe.trust_checkpoint and checkpoint_sha256(recipe.checkpoint) != record.recipe.checkpoint_sha256:
        raise CheckpointError(
            f"{recipe.checkpoint}: not the checkpoint that {path} trusts to run code; name it in a recipe of your own"
        )
    return recipe
