"""Recipes, validated against the checkpoints, clips and metrics that exist. Imports no torch, so it is fast."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.audio.corpus import Corpus
from workbench.errors import CheckpointError, RecipeError, WorkbenchError
from workbench.export.program_file import PROGRAM_SUFFIXES
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
from workbench.records.result import Result, gate_metrics, read_result


@dataclass(frozen=True)
class BuildSources:
    """What `build` builds: recipes, and by the name of a recipe the result whose program is rebuilt."""

    recipes: tuple[Recipe, ...]
    results: Mapping[str, Result]


def split_programs(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Returns the paths of recipes and the paths of programs, by their suffixes."""
    programs = [path for path in paths if path.suffix in PROGRAM_SUFFIXES]
    return [path for path in paths if path not in programs], programs


def load_variants(paths: Sequence[Path], corpus: Corpus, gates: Path | None = None) -> list[Recipe]:
    """Loads the variants of recipe files, and of all recipes in folders.

    Args:
        paths: Files and folders.
        corpus: The clips that recipes can name.
        gates: A file of gates that override those of the recipes.

    Raises:
        RecipeError: With every mistake in any of the files.
    """
    known = _known_names(corpus)
    files = [file for path in paths for file in (recipe_files(path) if path.is_dir() else [path])]
    problems: list[str] = []
    limits: dict[str, str | None] = {}
    recipes: list[Recipe] = []
    try:
        limits = load_gate_overrides(gates) if gates else {}
    except RecipeError as error:
        problems += error.problems
    try:
        recipes = load_recipes(files, known)
    except RecipeError as error:
        problems += error.problems
    if problems:
        raise RecipeError(problems)
    return [recipe.model_copy(update={"gates": override_gates(recipe.gates, limits)}) for recipe in recipes]


def _known_names(corpus: Corpus) -> KnownNames:
    return KnownNames(tuple(packaged_checkpoints()), corpus.clips(), corpus.folders(), gate_metrics())


def validate_again(recipe: Recipe, corpus: Corpus) -> Recipe:
    """Returns the recipe, validated as a file is: a copy of a recipe may have any values.

    Raises RecipeError with every mistake.
    """
    if not isinstance(recipe, Recipe):
        raise RecipeError([f"recipe: expected a Recipe, got {type(recipe).__name__}; load_recipe(path) returns one"])
    reason = invalid_name_reason(recipe.name)
    if reason:
        raise RecipeError([f"{recipe.source}: name: {reason}"])
    try:
        with warnings.catch_warnings(action="ignore"):  # pydantic warns of a value that it cannot have validated
            resolved = recipe.resolved()
        return from_resolved(recipe.name, recipe.source, resolved, _known_names(corpus))
    except RecipeError as error:
        raise RecipeError([f"{recipe.source}: {problem}" for problem in error.problems]) from None


def load_variant(path: Path, name: str | None, corpus: Corpus, gates: Path | None = None) -> Recipe:
    """Loads one variant of a recipe; `name` may be None if there is only one.

    Raises:
        RecipeError: The recipe has a mistake.
        WorkbenchError: There are several variants and no name, or no variant of that name.
    """
    variants = {recipe.name: recipe for recipe in load_variants([path], corpus, gates)}
    if name is None and len(variants) == 1:
        return next(iter(variants.values()))
    if name not in variants:
        problem = f"has {len(variants)} variants" if name is None else f"has no variant {name}"
        raise WorkbenchError(f"{path}: {problem}; name one with --variant: {', '.join(variants)}")
    return variants[name]


def load_build_sources(paths: Sequence[Path], corpus: Corpus) -> BuildSources:
    """Loads recipes to build, and results (`.json` files) whose programs are to be rebuilt.

    Raises:
        RecipeError: A recipe has a mistake, or a result's recipe is none any more.
        CheckpointError: A result's checkpoint is gone or may run code.
        WorkbenchError: A result cannot be read or has no program, or two recipes have one name.
    """
    results = {path: _read_built_result(path) for path in paths if path.suffix == ".json"}
    files = [path for path in paths if path not in results]
    recipes = [recipe_from_result(result, path) for path, result in results.items()]
    by_name = {recipe.name: result for recipe, result in zip(recipes, results.values(), strict=True)}
    if files:
        recipes += load_variants(files, corpus)
    sources: dict[str, Path] = {}
    for recipe in recipes:
        if recipe.name in sources:
            raise WorkbenchError(
                f"{recipe.source}: has the name {recipe.name}, as {sources[recipe.name]} has; build them one by one, "
                "each with its own --out"
            )
        sources[recipe.name] = recipe.source
    return BuildSources(tuple(recipes), by_name)


def _read_built_result(path: Path) -> Result:
    result = read_result(path)
    if result.program is None:
        reason = result.null_reasons["program"]
        raise WorkbenchError(f"{path}: the result has no program ({reason}); there is nothing to rebuild")
    return result


def load_gate_overrides(path: Path) -> dict[str, str | None]:
    """Loads a file of gates that override those of recipes. Raises RecipeError with every mistake in it."""
    return read_limits(path, KnownNames((), (), (), gate_metrics()))


def recipe_from_result(result: Result, path: Path) -> Recipe:
    """Returns the recipe of the result at `path`.

    Raises:
        RecipeError: This version has no such recipe, or its name cannot be that of a folder.
        CheckpointError: The checkpoint is gone, or may run code and is not the file that was trusted.
    """
    reason = invalid_name_reason(result.recipe.name)
    if reason:
        raise RecipeError([f"{path}: recipe.name: {reason}"])
    try:
        recipe = from_resolved(result.recipe.name, path, result.recipe.resolved)
    except RecipeError as error:
        raise RecipeError([f"{path}: recipe.resolved: {problem}" for problem in error.problems]) from None
    if recipe.trust_checkpoint and checkpoint_sha256(recipe.checkpoint) != result.recipe.checkpoint_sha256:
        raise CheckpointError(
            f"{recipe.checkpoint}: not the checkpoint that {path} trusts to run code; write a recipe that names it"
        )
    return recipe
