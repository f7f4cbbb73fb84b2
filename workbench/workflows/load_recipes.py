"""Recipes, validated against the checkpoints, clips and metrics that exist. Imports no torch, so it is fast."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from workbench.audio.clip_catalog import ClipCatalog
from workbench.audio.corpora.known import CORPUS_NAMES
from workbench.errors import CheckpointError, RecipeError, WorkbenchError, did_you_mean
from workbench.export.program_file import PROGRAM_SUFFIXES
from workbench.model.checkpoint import checkpoint_sha256, known_checkpoints
from workbench.recipe import (
    Axis,
    KnownNames,
    Recipe,
    find_recipe,
    from_resolved,
    invalid_name_reason,
    limits_from_text,
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


def split_programs(contenders: Sequence[str]) -> tuple[list[str], list[Path]]:
    """Returns the names and paths of recipes, and the paths of programs, which have their suffixes."""
    programs = [name for name in contenders if Path(name).suffix in PROGRAM_SUFFIXES]
    return [name for name in contenders if name not in programs], list(map(Path, programs))


def load_variants(
    references: Sequence[str | Path],
    catalog: ClipCatalog,
    gates: Path | None = None,
    names: Sequence[str] = (),
    overrides: tuple[Axis, ...] = (),
) -> list[Recipe]:
    """Loads the variants of recipes, and of all recipes in folders.

    Args:
        references: Names of shipped recipes, and paths of files and folders; see `find_recipe`.
        catalog: The clips that recipes can name.
        gates: A file of gates that override those of the recipes.
        names: The variants to return, as in `choose`; by default all.
        overrides: Keys that replace those of every recipe.

    Raises:
        RecipeError: With every mistake in any of the files.
        WorkbenchError: No variant has one of the names.
    """
    known = _known_names(catalog)
    files: list[Path] = []
    problems: list[str] = []
    limits: dict[str, str | None] = {}
    recipes: list[Recipe] = []
    try:
        limits = load_gate_overrides(gates) if gates else {}
    except RecipeError as error:
        problems += error.problems
    for reference in references:
        try:
            path = find_recipe(reference)
            files += recipe_files(path) if path.is_dir() else [path]
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


def _known_names(catalog: ClipCatalog) -> KnownNames:
    return KnownNames(tuple(known_checkpoints()), catalog.clips(), catalog.folders(), gate_metrics(), CORPUS_NAMES)


def validate_again(recipe: Recipe, catalog: ClipCatalog) -> Recipe:
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
        return from_resolved(recipe.name, recipe.source, resolved, _known_names(catalog))
    except RecipeError as error:
        raise RecipeError([f"{recipe.source}: {problem}" for problem in error.problems]) from None


def load_variant(
    reference: str | Path,
    catalog: ClipCatalog,
    gates: Path | None = None,
    names: Sequence[str] = (),
    overrides: tuple[Axis, ...] = (),
) -> Recipe:
    """Loads the only variant that `load_variants` returns for these arguments.

    Raises:
        RecipeError: The recipe has a mistake.
        WorkbenchError: There are several variants, or no variant has one of the names.
    """
    variants = load_variants([reference], catalog, gates, names, overrides)
    if len(variants) > 1:
        listed = ", ".join(variant.name for variant in variants)
        raise WorkbenchError(f"{reference}: has {len(variants)} variants; name one with --variant: {listed}")
    return variants[0]


def load_build_sources(
    references: Sequence[str], catalog: ClipCatalog, names: Sequence[str] = (), overrides: tuple[Axis, ...] = ()
) -> BuildSources:
    """Loads recipes to build, and results (`.json` files) whose programs are to be rebuilt.

    `names` and `overrides` apply to recipes, as in `load_variants`; a result is rebuilt as it was.

    Raises:
        RecipeError: A recipe has a mistake, or a result's recipe is none any more.
        CheckpointError: A result's checkpoint is gone or may run code.
        WorkbenchError: A result cannot be read or has no program, or two recipes have one name.
    """
    results = {Path(name): _read_built_result(Path(name)) for name in references if name.endswith(".json")}
    if results and (names or overrides):
        raise WorkbenchError(
            f"{next(iter(results))}: is rebuilt as it was; remove --set and --variant, or name a recipe"
        )
    recipe_references = [name for name in references if not name.endswith(".json")]
    recipes = [recipe_from_result(result, path) for path, result in results.items()]
    by_name = {recipe.name: result for recipe, result in zip(recipes, results.values(), strict=True)}
    if recipe_references:
        recipes += load_variants(recipe_references, catalog, None, names, overrides)
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


def limits_from_options(texts: Sequence[str]) -> dict[str, str | None]:
    """Returns the limits of the option --require. Raises RecipeError with the mistakes in them."""
    return limits_from_text(texts, "--require", KnownNames((), (), (), gate_metrics()))


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
