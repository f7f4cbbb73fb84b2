"""Loads recipes from files. Validates every variant, and reports every mistake of all files together."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from workbench.errors import RecipeError, YamlError, quote_value
from workbench.recipe.files import SET, Layer, RecipeFile, merge, read_recipe_file
from workbench.recipe.gates import GATE_OVERRIDES
from workbench.recipe.matrix import FOLDER_SAFE, Axis
from workbench.recipe.messages import FIXED, MAPPING_KEY, RANGE, Location, dotted, explain, explain_all
from workbench.recipe.options import Channel
from workbench.recipe.patterns import KnownNames
from workbench.recipe.schema import Recipe, RecipeModel
from workbench.storage.shipped import shipped_name
from workbench.storage.yaml_files import read_yaml_mapping

MAX_NAME_CHARACTERS = 200  # a recipe's name becomes a folder's, and most file systems stop at 255 bytes
_NAME = re.compile(r"\w[\w.+-]*(@[\w.+=,-]+)?")  # the stem of the file, and the suffix from its matrix


def load_recipes(paths: Sequence[Path], known_names: KnownNames, overrides: tuple[Axis, ...] = ()) -> list[Recipe]:
    """Reads recipe files, in the order given. A matrix gives several recipes ("<stem>@mirror=0,rate=16k").

    Args:
        paths: The files.
        known_names: The checkpoints, clips and metrics that recipes may name.
        overrides: Keys that replace those of every file. They are part of the names, as axes of a matrix are.

    Returns:
        The recipes of all files. The `source` of a shipped recipe is its name, that of any other recipe is its file.

    Raises:
        RecipeError: At least one file is wrong. `problems` has one line, with file and key, for each mistake.
    """
    recipes: list[Recipe] = []
    problems: list[str] = []
    owners: dict[str, Path] = {}  # by the lower-case name, because some file systems ignore case
    for path in paths:
        try:
            file = read_recipe_file(path, RecipeModel.dotted_keys()).with_overrides(overrides)
        except RecipeError as error:
            problems += error.problems
            continue
        problems += [*file.problems, *_name_problems(file, owners)]
        try:
            recipes += _variants(file, known_names)
        except RecipeError as error:
            problems += error.problems
    if problems:
        raise RecipeError(list(dict.fromkeys(problems)))
    return recipes


def with_overrides(recipe: Recipe, suffix: str, **keys: object) -> Recipe:
    """Returns a copy named "<name>@<suffix>" with some top-level keys replaced, for example for a point of a sweep.

    Raises RecipeError with every reason why this is not a valid recipe.
    """
    separator = "," if "@" in recipe.name else "@"
    return from_resolved(f"{recipe.name}{separator}{suffix}", recipe.source, {**recipe.resolved(), **keys})


def with_channel(recipe: Recipe, channel: Channel) -> Recipe:
    """Returns a copy of the same name that reads a channel of recordings."""
    keys = recipe.resolved()
    return from_resolved(recipe.name, recipe.source, {**keys, "audio": {**keys["audio"], "channel": channel}})


def from_resolved(
    name: str, source: Path, resolved: Mapping[str, Any], known_names: KnownNames | None = None
) -> Recipe:
    """Returns the recipe with the keys that `Recipe.resolved` returned. A missing key gets its default.

    Args:
        name: The name of the recipe.
        source: Its file.
        resolved: The keys.
        known_names: The checkpoints, clips and metrics that it may name; None does not check them.

    Raises:
        RecipeError: The keys are not a valid recipe. The problems do not name a file.
    """
    try:
        keys = RecipeModel.model_validate(dict(resolved), context=known_names)
    except ValidationError as error:
        raise RecipeError(explain_all(error.errors(include_url=False), RecipeModel.dotted_keys())) from None
    return Recipe.of(name, source, keys)


def read_limits(path: Path, known_names: KnownNames) -> dict[str, str | None]:
    """Reads a file of gates: metric -> limit, as under `gates` in a recipe, or null to remove a gate.

    Raises RecipeError with every mistake of the file.
    """
    try:
        limits = read_yaml_mapping(path, "file of gates")
    except YamlError as error:
        raise RecipeError([str(error)]) from None
    if "gates" in limits:
        raise RecipeError([f"{path}: gates: is not allowed here; write each limit as metric: limit, without gates:"])
    return _validate_limits(limits, known_names, str(path))


def limits_from_text(texts: Sequence[str], option: str, known_names: KnownNames) -> dict[str, str | None]:
    """Returns the limits that texts such as "program.bytes <= 800 kB" describe, for metrics of their own.

    Raises RecipeError with every mistake; `option` is the option that the texts come from.
    """
    limits: dict[str, str | None] = {}
    for text in texts:
        found = re.fullmatch(r"\s*([^\s<>=]+)\s*([<>].*\S)\s*", text)
        if found is None:
            expected = "expected a metric and a limit, such as 'program.bytes <= 800 kB'"
            raise RecipeError([f"{option} {quote_value(text)}: {expected}"])
        if found[1] in limits:
            raise RecipeError([f"{option} {quote_value(text)}: {found[1]} has a limit already; give one limit"])
        limits[found[1]] = found[2]
    return _validate_limits(limits, known_names, option)


def _validate_limits(limits: Mapping[Any, Any], known_names: KnownNames, source: str) -> dict[str, str | None]:
    try:
        return GATE_OVERRIDES.validate_python(limits, context=known_names)
    except ValidationError as error:
        problems = explain_all(error.errors(include_url=False))
        raise RecipeError([f"{source}: {problem}" for problem in problems]) from None


def recipe_files(folder: Path) -> list[Path]:
    """Returns the recipes in a folder (*.yaml), sorted by name. Raises RecipeError if it is missing or has none."""
    if not folder.is_dir():
        raise RecipeError([f"{folder}: there is no such folder; check the path"])
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise RecipeError([f"{folder}: contains no recipe (*.yaml); name another folder"])
    return files


def invalid_name_reason(name: str) -> str:
    """Returns why a recipe cannot have this name, which becomes the name of a folder; "" if it can."""
    if not _NAME.fullmatch(name):
        return f"{quote_value(name)} cannot be a folder name; use letters, digits and . _ + - (and @ = , in a matrix)"
    if len(name) > MAX_NAME_CHARACTERS:
        return f"{quote_value(name[:40])}... has more than {MAX_NAME_CHARACTERS} characters; shorten it"
    return ""


def file_name_problem(path: Path) -> str:
    """Returns why a recipe file cannot have this name, which becomes the name of a folder; "" if it can."""
    stem = path.stem
    if not FOLDER_SAFE.fullmatch(stem) or stem[0] in ".-+":
        return f"{path}: the file name becomes a folder name; use letters, digits and . _ + -"
    return ""


def _name_problems(file: RecipeFile, owners: dict[str, Path]) -> list[str]:
    """Returns what is wrong with the names of a file's recipes, and adds them to `owners`."""
    problems = list(filter(None, [file_name_problem(file.path)]))
    names = [_name(file.path, suffix) for suffix, _ in file.variants()]
    longest = max(names, key=len)
    if len(longest) > MAX_NAME_CHARACTERS:
        problems.append(
            f"{file.path}: the name {longest[:40]}... has more than {MAX_NAME_CHARACTERS} characters; shorten its "
            "labels"
        )
    for owner in dict.fromkeys(owners[name.lower()] for name in names if name.lower() in owners):
        if owner == file.path:
            problems.append(f"{file.path}: is given twice; name it once")
        else:
            problems.append(f"{file.path}: has the same name as {owner}; rename one of them")
    owners.update((name.lower(), file.path) for name in names)
    return problems


def _name(path: Path, suffix: str) -> str:
    return f"{path.stem}@{suffix}" if suffix else path.stem


def _variants(file: RecipeFile, known_names: KnownNames) -> list[Recipe]:
    """Returns the recipes of a file. Raises RecipeError with each problem once, and the variants that have it."""
    recipes: list[Recipe] = []
    suffixes_by_problem: dict[str, list[str]] = {}
    variants = list(file.variants())
    for suffix, layers in variants:
        try:
            keys = RecipeModel.model_validate(merge(layer.values for layer in layers), context=known_names)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                if detail["type"] == "missing" and file.problems:
                    continue  # the key may be in a file that could not be read
                suffixes_by_problem.setdefault(_problem(detail, layers, file.path), []).append(suffix)
        else:
            recipes.append(Recipe.of(_name(file.path, suffix), Path(shipped_name(file.path) or file.path), keys))
    if suffixes_by_problem:
        problems = [
            problem + _in_variants(suffixes, len(variants)) for problem, suffixes in suffixes_by_problem.items()
        ]
        raise RecipeError(problems)
    return recipes


def _problem(error: ErrorDetails, layers: Sequence[Layer], path: Path) -> str:
    """Returns the line for an error, with the file that sets the key if it is not `path`."""
    location = tuple(key for key in error["loc"] if key not in (FIXED, RANGE))
    source = next((layer.source for layer in reversed(layers) if _has_key(layer.values, location)), path)
    inherited = "" if source == path else f" [set by {SET}]" if source == SET else f" [inherited from {source}]"
    return f"{path}: {dotted(location)}: {explain(error, ['extends', 'matrix', *RecipeModel.dotted_keys()])}{inherited}"


def _in_variants(suffixes: Sequence[str], variants: int) -> str:
    """Returns which variants have a problem, or "" if all of them have it."""
    if len(suffixes) == variants:
        return ""
    more = f" and {len(suffixes) - 1} more" if len(suffixes) > 1 else ""
    return f" [in variant {suffixes[0]}{more}]"


def _has_key(values: Any, location: Location) -> bool:
    for key in location:
        if key == MAPPING_KEY:
            return True
        try:
            values = values[key]
        except (KeyError, IndexError, TypeError):  # the key is not there, or its parent is not a mapping
            return False
    return True
