"""Recipes, validated against the checkpoints, clips and metrics that exist. Imports no torch, so it is fast."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from workbench.audio.corpus import Corpus
from workbench.errors import CheckpointError, RecipeError, WorkbenchError, did_you_mean
from workbench.export.program_file import PROGRAM_SUFFIXES
from workbench.model.checkpoint import checkpoint_sha256, packaged_checkpoints
from workbench.recipe import (
    Axis,
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


def load_variants(
    paths: Sequence[Path],
    corpus: Corpus,
    gates: Path | None = None,
    names: Sequence[str] = (),
    overrides: tuple[Axis, ...] = (),
) -> list[Recipe]:
    """Loads the variants of recipe files, and of all recipes in folders.

    Args:
        paths: Files and folders.
        corpus: The clips that recipes can name.
        gates: A file of gates that override those of the recipes.
        names: The variants to return, as in `choose`; by default all.
        overrides: Keys that replace those of every recipe.

    Raises:
        RecipeError: With every mistake in any of the files.
        WorkbenchError: No variant has one of the names.
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
        recipes = load_recipes(files, known, overrides)
    except RecipeError as error:
        problems += error.problems
    if problems:
        raise RecipeError(problems)
    return [
        recipe.model_copy(update={"gates": override_gates(recipe.gates, limits)}) for recipe in choose(recipes, names)
    ]


def choose(recipes: Sequence[Recipe], names: Sequence[str]) -> list[Recipe]:
    """Returns the variants with these names, in the order of `recipes`; all if there is no name.

    A name can have the wildcards of `fnmatch`. The start of a name, up to an axis, means every variant that has it:
    `float-rates@rate=16k` means `float-rates@rate=16k,mirror=0` and `float-rates@rate=16k,mirror=1`.

    Raises WorkbenchError if no variant has one of the names.
    """
    if not names:
        return list(recipes)
    for name in names:
        if not any(_has_name(recipe, name) for recipe in recipes):
            similar = did_you_mean(name, [recipe.name for recipe in recipes])
            raise WorkbenchError(f"--variant {name}: no such variant{similar}; `workbench check` lists the names")
    return [recipe for recipe in recipes if any(_has_name(recipe, name) for name in names)]


def _has_name(recipe: Recipe, name: str) -> bool:
    return any(fnmatchcase(recipe.name, pattern) for pattern in (name, f"{name}@*", f"{name},*"))


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


def load_variant(
    path: Path,
    corpus: Corpus,
    gates: Path | None = None,
    names: Sequence[str] = (),
    overrides: tuple[Axis, ...] = (),
) -> Recipe:
    """Loads the only variant that `load_variants` returns for these arguments.

    Raises:
        RecipeError: The recipe has a mistake.
        WorkbenchError: There are several variants, or no variant has one of the names.
    """
    variants = load_variants([path], corpus, gates, names, overrides)
    if len(variants) > 1:
        listed = ", ".join(variant.name for variant in variants)
        raise WorkbenchError(f"{path}: has {len(variants)} variants; name one with --variant: {listed}")
    return variants[0]


def load_build_sources(
    paths: Sequence[Path], corpus: Corpus, names: Sequence[str] = (), overrides: tuple[Axis, ...] = ()
) -> BuildSources:
    """Loads recipes to build, and results (`.json` files) whose programs are to be rebuilt.

    `names` and `overrides` apply to recipes, as in `load_variants`; a result is rebuilt as it was.

    Raises:
        RecipeError: A recipe has a mistake, or a result's recipe is none any more.
        CheckpointError: A result's checkpoint is gone or may run code.
        WorkbenchError: A result cannot be read or has no program, or two recipes have one name.
    """
    results = {path: _read_built_result(path) for path in paths if path.suffix == ".json"}
    if results and (names or overrides):
        raise WorkbenchError(
            f"{next(iter(results))}: is rebuilt as it was; remove --set and --variant, or name a recipe"
        )
    files = [path for path in paths if path not in results]
    recipes = [recipe_from_result(result, path) for path, result in results.items()]
    by_name = {recipe.name: result for recipe, result in zip(recipes, results.values(), strict=True)}
    if files:
        recipes += load_variants(files, corpus, None, names, overrides)
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
