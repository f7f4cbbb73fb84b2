"""Recipe files: reads a file and the files that it extends, and keeps which file sets which keys.

The mappings of a file are merged into those of its parent; its lists and scalars replace them; a null under `gates`
removes an inherited gate. `description` is not inherited. `matrix` is inherited as a whole: a child has the variants of
its parent unless it has its own `matrix`, or `matrix: null`.
"""

import math
import os.path
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Any

from workbench.errors import RecipeError, YamlError, did_you_mean, quote_value
from workbench.recipe.matrix import MAX_VARIANTS, Axis, Values, combine, read_axes, shared_keys
from workbench.recipe.patterns import is_checkpoint_file
from workbench.storage.shipped import RECIPE_SUFFIXES, is_written_as_path, shipped_names
from workbench.storage.yaml_files import is_file, read_yaml_mapping

SET = Path("--set")
"""The source of keys that are set for one run. Its paths are relative to the current folder."""


@dataclass(frozen=True)
class Layer:
    """The keys that one file, or `--set`, sets."""

    source: Path
    values: Values


@dataclass(frozen=True)
class RecipeFile:
    """A recipe file and the files that it extends.

    Attributes:
        path: The file.
        layers: The keys of each file, without `extends` and `matrix`. The file that extends no other comes first, the
            file at `path` last.
        axes: The axes of the matrix in the file itself, or else in the nearest file that it extends.
        axes_source: The file that has this matrix; `path` if there is none.
        problems: What is wrong with the extended files and with the matrix, one line each. If there are any, layers and
            axes may be incomplete.
        overrides: The axes that are set for one run. They come after those of the file and replace what it sets.
    """

    path: Path
    layers: tuple[Layer, ...]
    axes: tuple[Axis, ...]
    axes_source: Path
    problems: tuple[str, ...]
    overrides: tuple[Axis, ...] = ()

    def with_overrides(self, overrides: tuple[Axis, ...]) -> "RecipeFile":
        """Returns the file with keys that are set for one run. An axis of the same name is replaced."""
        axes = tuple(axis for axis in self.axes if axis.name not in {override.name for override in overrides})
        problems = [
            f"{self.axes_source}: matrix.{first.name}: sets {key}, as {SET} {second.name} does; remove one of the two"
            for first, second, key in shared_keys((*axes, *overrides))
        ]
        variants = math.prod(len(axis.choices) for axis in (*axes, *overrides))
        if variants > MAX_VARIANTS:
            problems.append(f"{self.path}: has {variants} variants with {SET}, at most {MAX_VARIANTS} are allowed")
        return replace(self, axes=axes, overrides=overrides, problems=(*self.problems, *problems))

    def variants(self) -> Iterator[tuple[str, tuple[Layer, ...]]]:
        """Yields the name suffix ("mirror=0,rate=16k"; "" without a matrix) and the layers of each variant."""
        sources = [self.axes_source] * len(self.axes) + [SET] * len(self.overrides)
        for suffix, choices in combine((*self.axes, *self.overrides)):
            chosen = (
                Layer(source, _with_absolute_checkpoint(keys, source))
                for source, keys in zip(sources, choices, strict=True)
            )
            yield suffix, (*self.layers, *chosen)


def read_recipe_file(path: Path, recipe_keys: Iterable[str]) -> RecipeFile:
    """Reads a recipe file and the chain of files that it extends.

    Args:
        path: The file.
        recipe_keys: The dotted keys of a recipe, for the axes of a matrix.

    Raises:
        RecipeError: The file itself cannot be read. If a file that it extends cannot, `problems` of the result says so.
    """
    chain, problems = _read_chain(path)
    axes: tuple[Axis, ...] = ()
    matrix_layer = next((layer for layer in chain if "matrix" in layer.values), None)
    if matrix_layer is not None:
        try:
            axes = read_axes(matrix_layer.values["matrix"], tuple(recipe_keys))
        except RecipeError as error:
            problems += [f"{matrix_layer.source}: {problem}" for problem in error.problems]
    layers = [_own_keys(layer, inherited=layer is not chain[0]) for layer in reversed(chain)]
    source = path if matrix_layer is None else matrix_layer.source
    return RecipeFile(path, tuple(layers), axes, source, tuple(problems))


def merge(layers: Iterable[Mapping[Any, Any]]) -> Values:
    """Merges mappings; later values replace earlier ones. A null under `gates` removes a gate."""
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


def _read_chain(path: Path) -> tuple[list[Layer], list[str]]:
    """Returns the layers of `path` and of the files that it extends, in this order, and the problem that ended it."""
    try:
        chain = [Layer(path, read_yaml_mapping(path, "recipe"))]
    except YamlError as error:
        raise RecipeError([str(error)]) from None
    while chain[-1].values.get("extends") is not None:
        try:
            parent = _find_parent(chain)
            chain.append(Layer(parent, read_yaml_mapping(parent, "recipe")))
        except YamlError as error:
            return chain, [str(error)]
    return chain, []


def _find_parent(chain: list[Layer]) -> Path:
    child, name = chain[-1].source, chain[-1].values["extends"]
    if not isinstance(name, str) or not name:
        raise YamlError(f"{child}: extends: expected the name of a recipe, got {quote_value(name)}")
    path = _named_file(child, name)
    if path.resolve() in [layer.source.resolve() for layer in chain]:
        circle = " -> ".join(str(file) for file in [*(layer.source for layer in chain), path])
        raise YamlError(f"{child}: extends: is circular: {circle}; remove one extends")
    return path


def _named_file(child: Path, name: str) -> Path:
    """Returns the file that `extends` names: the one in the child's folder, else the shipped recipe of this name.

    A child that has the name of a shipped recipe can extend that recipe.
    """
    path = child.parent / name
    if path.suffix not in RECIPE_SUFFIXES and path.name:
        path = path.with_name(f"{path.name}.yaml")
    shipped = shipped_names().get(name)
    if shipped is not None and (path == child or not is_file(path)):
        return shipped
    if not is_file(path):
        raise YamlError(f"{child}: extends: {_missing_parent_reason(child, name, path)}")
    return path


def _missing_parent_reason(child: Path, name: str, path: Path) -> str:
    file = quote_value(str(Path(name).with_name(path.name)) if path.name else name)
    try:
        if path.is_dir():
            return f"{file} is a folder; name a file in it"
        siblings = [file.stem for file in path.parent.glob("*.y*ml") if file != child]
    except (OSError, ValueError):  # a name that no file system accepts
        siblings = []
    reason = f"there is no file {file} in the folder of {child.name}"
    if is_written_as_path(name):
        return reason + did_you_mean(path.stem, siblings)
    return f"{reason}, and no shipped recipe {quote_value(name)}" + did_you_mean(name, [*siblings, *shipped_names()])


def _own_keys(layer: Layer, inherited: bool) -> Layer:
    """Returns a layer without the keys that are not merged."""
    not_merged = {"extends", "matrix", "description"} if inherited else {"extends", "matrix"}
    values = {key: value for key, value in layer.values.items() if key not in not_merged}
    return Layer(layer.source, _with_absolute_checkpoint(values, layer.source))


def _with_absolute_checkpoint(values: Values, source: Path) -> Values:
    """Makes the path of a checkpoint absolute: it is relative to the file that names it, also if it is inherited."""
    checkpoint = values.get("checkpoint")
    if not isinstance(checkpoint, str) or not is_checkpoint_file(checkpoint):
        return values
    return {**values, "checkpoint": os.path.normpath(source.parent.absolute() / checkpoint)}
