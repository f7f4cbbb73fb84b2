"""From files to recipes: every variant validated, and every mistake of every file reported at once."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from workbench.errors import RecipeError, quote_value
from workbench.recipe.files import Layer, RecipeFile, merge, read_mapping, read_recipe_file
from workbench.recipe.gates import GATE_OVERRIDES
from workbench.recipe.known_names import KnownNames
from workbench.recipe.matrix import FOLDER_SAFE, combine
from workbench.recipe.messages import FIXED, RANGE, Location, dotted, explain
from workbench.recipe.schema import Recipe, RecipeModel, recipe_keys

_NAME = re.compile(r"\w[\w.+-]*(@[\w.+=,-]+)?")  # the file's stem, and what its matrix adds
LONGEST_NAME = 200  # characters: a recipe's name becomes a folder's, and file systems stop at 255 bytes


def load_recipes(paths: Sequence[Path], vocabulary: KnownNames) -> list[Recipe]:
    """The recipes of some files in the order given, a matrix as its variants ("<stem>@mirror=0,rate=16k").

    Raises RecipeError with all problems of all files: each "FILE: dotted.path: what is wrong (did you mean 'x'?)".
    """
    recipes: list[Recipe] = []
    problems: list[str] = []
    names: dict[str, Path] = {}  # lower case, as some file systems know no other difference
    for path in paths:
        try:
            file = read_recipe_file(path)
        except RecipeError as error:
            problems += error.problems
            continue
        variants, wrong = _variants(file, vocabulary)
        recipes += variants
        problems += [*file.problems, *_name_problems(file, names), *wrong]
    if problems:
        raise RecipeError(list(dict.fromkeys(problems)))
    return recipes


def read_limits(path: Path, vocabulary: KnownNames) -> dict[str, str | None]:
    """A file of gates: metric -> limit as under a recipe's `gates`, or null to take a gate away.

    Raises RecipeError with all of its problems.
    """
    limits = read_mapping(path, "file of gates")
    if "gates" in limits:
        raise RecipeError([f"{path}: gates: is a recipe's key; write the limits without gates:, as metric: limit"])
    try:
        return GATE_OVERRIDES.validate_python(limits, context=vocabulary)
    except ValidationError as error:
        details = error.errors(include_url=False)
        raise RecipeError([f"{path}: {dotted(detail['loc'])}: {explain(detail, ())}" for detail in details]) from None


def recipe_files(folder: Path) -> list[Path]:
    """The recipes in a folder (*.yaml), sorted by name. Raises RecipeError if there is no such folder or no recipe."""
    if not folder.is_dir():
        raise RecipeError([f"{folder}: there is no such folder"])
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise RecipeError([f"{folder}: holds no recipe (*.yaml)"])
    return files


def invalid_name_reason(name: str) -> str:
    """Why a recipe cannot be called this, as its name becomes a folder's; "" where it can."""
    if not _NAME.fullmatch(name):
        return (
            f"{quote_value(name)} cannot name a folder; recipes are called by their file's name and their "
            f"matrix's labels"
        )
    return f"{quote_value(name[:40])}... has more than {LONGEST_NAME} characters" if len(name) > LONGEST_NAME else ""


def _name_problems(file: RecipeFile, names: dict[str, Path]) -> Iterable[str]:
    stem = file.path.stem
    if not FOLDER_SAFE.fullmatch(stem) or stem[0] in ".-+":
        yield f"{file.path}: the file's name becomes a folder's; make it of letters, digits and . _ + -"
    own = [_name(file.path, suffix) for suffix, _ in combine(file.axes)]
    longest = max(own, key=len)
    if len(longest) > LONGEST_NAME:
        yield f"{file.path}: the name {longest[:40]}... has more than {LONGEST_NAME} characters; shorten its labels"
    for other in dict.fromkeys(names[name.lower()] for name in own if name.lower() in names):
        again = "is given twice" if other == file.path else f"has the same name as {other}; rename one of them"
        yield f"{file.path}: {again}"
    names.update((name.lower(), file.path) for name in own)


def _name(path: Path, suffix: str) -> str:
    return f"{path.stem}@{suffix}" if suffix else path.stem


def _variants(file: RecipeFile, vocabulary: KnownNames) -> tuple[list[Recipe], list[str]]:
    recipes: list[Recipe] = []
    found: dict[str, list[str]] = {}  # problem -> the variants that have it
    combinations = list(combine(file.axes))
    for suffix, overrides in combinations:
        layers = [*file.layers, *(Layer(file.axes_source, values) for values in overrides)]
        try:
            keys = RecipeModel.model_validate(merge(layer.values for layer in layers), context=vocabulary)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                if detail["type"] == "missing" and file.problems:
                    continue  # it may be in the part that could not be read
                detail["loc"] = where = tuple(key for key in detail["loc"] if key not in (FIXED, RANGE))
                what = f"{dotted(where)}: {explain(detail, _file_keys())}"
                found.setdefault(f"{file.path}: {what}{_inherited(where, layers, file.path)}", []).append(suffix)
        else:
            recipes.append(Recipe.model_construct(name=_name(file.path, suffix), source=file.path, **dict(keys)))
    return recipes, [problem + _in_variants(having, len(combinations)) for problem, having in found.items()]


def _file_keys() -> list[str]:
    return ["extends", "matrix", *recipe_keys()]


def _in_variants(having: Sequence[str], of: int) -> str:
    if len(having) == of:
        return ""
    more = f" and {len(having) - 1} more" if len(having) > 1 else ""
    return f" [in variant {having[0]}{more}]"


def _inherited(location: Location, layers: Sequence[Layer], path: Path) -> str:
    """Names the file that said what is wrong, if it is not the one that was asked for."""
    source = next((layer.source for layer in reversed(layers) if _says(layer.values, location)), path)
    return "" if source == path else f" [inherited from {source}]"


def _says(values: Any, location: Location) -> bool:
    for key in location:
        if key == "[key]":
            return True
        try:
            values = values[key]
        except (KeyError, IndexError, TypeError):  # not there, or nothing that could hold it
            return False
    return True
