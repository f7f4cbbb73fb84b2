"""Recipe files: YAML read safely, `extends` followed, everything kept with the file that said it.

A child's mappings are merged into its parent's, its lists and scalars replace them, and null takes an inherited gate
away. `description` is never inherited. `matrix` is: a child that extends a matrix has the same variants, unless it
names a matrix of its own, which replaces the parent's as a whole, or says `matrix: null`.
"""

import os.path
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from workbench.errors import RecipeError, did_you_mean, first_line, quote_value
from workbench.recipe.matrix import Axis, Values, read_axes
from workbench.recipe.schema import is_checkpoint_file, is_file, recipe_keys

MOST_BYTES = 32_000  # a recipe has one or two thousand, and the parser takes a second or two for this many
MOST_LEVELS = 20
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")  # all but tab and line feed


@dataclass(frozen=True)
class Layer:
    """What one file says."""

    source: Path
    values: Values


@dataclass(frozen=True)
class RecipeFile:
    """A file and those it extends: layers from the root down to the file itself, and the axes that hold for it.

    `problems` are those of the chain and the matrix, one line each; what is there is then not all that was meant.
    """

    path: Path
    layers: tuple[Layer, ...]
    axes: tuple[Axis, ...]
    axes_source: Path
    problems: tuple[str, ...]


def read_recipe_file(path: Path) -> RecipeFile:
    """Reads `path` and the chain of files it extends. Raises RecipeError if `path` itself cannot be read."""
    layers: list[Layer] = []
    problems: list[str] = []
    axes: tuple[Axis, ...] | None = None
    axes_source = path
    chain = [path]
    values = read_mapping(path)
    while True:
        source = chain[-1]
        parent = values.pop("extends", None)
        if "matrix" in values:
            matrix = values.pop("matrix")
            if axes is None:  # the nearest file's matrix replaces those further up
                axes, wrong = read_axes(matrix, recipe_keys())
                axes_source = source
                problems += [f"{source}: {problem}" for problem in wrong]
                axes = tuple(
                    Axis(
                        axis.name,
                        tuple((label, _resolve_checkpoint_path(keys, source)) for label, keys in axis.choices),
                    )
                    for axis in axes
                )
        if layers:
            values.pop("description", None)
        layers.insert(0, Layer(source, _resolve_checkpoint_path(values, source)))
        if parent is None:
            break
        try:
            chain.append(_find_parent(parent, chain))
            values = read_mapping(chain[-1])
        except RecipeError as error:
            problems += error.problems
            break
    return RecipeFile(path, tuple(layers), axes or (), axes_source, tuple(problems))


def read_mapping(path: Path, what: str = "recipe") -> Values:
    """The mapping in a YAML file. Raises RecipeError (one problem, with its line) for anything else; `what` it is."""
    if not is_file(path):
        raise RecipeError([f"{path}: {_why_no_file(path)}"])
    try:
        if path.stat().st_size > MOST_BYTES:
            raise RecipeError([f"{path}: has more than {MOST_BYTES:_} bytes, which is no {what}"])
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise RecipeError([f"{path}: cannot be read ({error.strerror})"]) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise RecipeError([f"{path}: line {line}: is not UTF-8 text; save the file in that encoding"]) from None
    try:
        if trick := _unsafe_yaml_reason(text):
            raise RecipeError([f"{path}: {trick}"])
        values = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise RecipeError([f"{path}: {_explain(error, text)}"]) from None
    except AssertionError as error:  # ruamel's, of %YAML with a version that it does not know
        raise RecipeError([f"{path}: is not YAML ({first_line(error)})"]) from None
    except TypeError:  # ruamel's, of a key that Python cannot look up
        raise RecipeError([f"{path}: holds a key that is a list of mappings; a key is a word"]) from None
    except ValueError as error:  # a date or a number that looks like one and is none
        raise RecipeError([f"{path}: holds a value that YAML cannot read ({error})"]) from None
    if values is None:
        raise RecipeError([f"{path}: is empty; a {what} is a mapping of keys to values"])
    if not isinstance(values, dict):
        raise RecipeError([f"{path}: is not a {what}: wants a mapping of keys to values, got {quote_value(values)}"])
    return values


def merge(layers: Iterable[Mapping[Any, Any]]) -> Values:
    """Merges mappings, the later over the earlier; null takes away what `gates` had before, and only there."""
    return reduce(_merge, layers, {})


def _merge(base: Mapping[Any, Any], over: Mapping[Any, Any], in_gates: bool = False) -> Values:
    merged = dict(base)
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _merge(merged[key], value, key == "gates")
        elif value is None and in_gates and key in merged:
            del merged[key]
        else:
            merged[key] = value
    return merged


def _find_parent(parent: object, chain: list[Path]) -> Path:
    child = chain[-1]
    if not isinstance(parent, str) or not parent:
        raise RecipeError([f"{child}: extends: wants the name of a recipe file, got {quote_value(parent)}"])
    path = child.parent / parent
    if path.suffix not in {".yaml", ".yml"}:
        path = path.with_name(f"{path.name}.yaml") if path.name else path
    if not is_file(path):
        raise RecipeError([f"{child}: extends: {_why_no_file(path, child)}"])
    if path.resolve() in [seen.resolve() for seen in chain]:
        circle = " -> ".join(str(file) for file in [*chain, path])
        raise RecipeError([f"{child}: extends: goes round in a circle: {circle}"])
    return path


def _resolve_checkpoint_path(values: Values, source: Path) -> Values:
    """Makes a checkpoint's file absolute: it is relative to the recipe that says it, not to one that inherits it."""
    checkpoint = values.get("checkpoint")
    if not isinstance(checkpoint, str) or not is_checkpoint_file(checkpoint):
        return values
    return {**values, "checkpoint": os.path.normpath(source.parent.absolute() / checkpoint)}


def _why_no_file(path: Path, asking: Path | None = None) -> str:
    try:
        if path.is_dir():
            return f"{quote_value(str(path))} is a folder; name a recipe file in it"
        near = did_you_mean(path.name, [file.name for file in path.parent.glob("*.y*ml") if file != asking])
    except (OSError, ValueError):  # a name that no file system takes
        near = ""
    return f"there is no file {quote_value(path.name)}{near}"


def _unsafe_yaml_reason(text: str) -> str | None:
    """What a recipe has no use for and a hostile file can abuse: aliases, tags, deep nesting, control characters."""
    level = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        level += isinstance(event, MappingStartEvent | SequenceStartEvent)
        level -= isinstance(event, MappingEndEvent | SequenceEndEvent)
        line = f"line {event.start_mark.line + 1}"
        if isinstance(event, AliasEvent):
            return f"{line}: the alias *{event.anchor} is not for recipes; repeat the value, or use extends or matrix"
        if tag := getattr(event, "tag", None):
            return f"{line}: the tag {tag} is not for recipes; leave it out"
        if isinstance(event, ScalarEvent) and UNPRINTABLE.search(event.value):
            return f"{line}: holds a control character or half a character pair; leave it out"
        if level > MOST_LEVELS:
            return f"{line}: is nested more than {MOST_LEVELS} levels deep"
    return None


def _explain(error: YAMLError, text: str) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    where = f"line {mark.line + 1}: " if mark else ""
    if isinstance(error, DuplicateKeyError):
        key = re.search(r'duplicate key "(.*?)"', problem, re.DOTALL)
        return f"{where}the key {quote_value(key[1]) if key else ''} is there twice"
    line = text.splitlines()[mark.line] if mark and mark.line < len(text.splitlines()) else ""
    hint = "; put a limit in quotes: '>= 5'" if re.search(r": *>=", line) else ""
    return f"{where}is not YAML ({' '.join(problem.split())}){hint}"
