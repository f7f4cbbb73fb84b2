"""A matrix of variants: the axes of a recipe file and all combinations of their values, each with a name for a folder.

    matrix:
      mirror: [0, 0.5, 1]                                        # a recipe key and its values
      rate:                                                      # a free name: label -> the keys it sets
        16k: {sample_rate_hz: 16000, chunk_samples: 320}
        48k: {sample_rate_hz: 48000, chunk_samples: 960}

describes six variants. The first is "mirror=0,rate=16k".
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

from workbench.errors import RecipeError, did_you_mean, quote_value
from workbench.recipe.messages import dotted

MAX_VARIANTS = 256
FOLDER_SAFE = re.compile(r"[\w.+-]+")  # labels and names of axes become part of a folder's name

Values = dict[Any, Any]  # a mapping as YAML returns it, not validated


@dataclass(frozen=True)
class Axis:
    """One axis. Each choice is a label and the recipe keys that it sets."""

    name: str
    choices: tuple[tuple[str, Values], ...]

    def paths(self) -> set[tuple[Any, ...]]:
        """Returns the path of every key that a choice of this axis sets."""
        return {path for _, values in self.choices for path in _leaves(values)}


def read_axes(matrix: object, recipe_keys: Sequence[str]) -> tuple[Axis, ...]:
    """Returns the axes of a `matrix`, none if it is null.

    Args:
        matrix: The value of the key, not validated.
        recipe_keys: The dotted keys of a recipe.

    Raises:
        RecipeError: The matrix is wrong. Each problem starts with the key ("matrix.mirror: ...").
    """
    if matrix is None:
        return ()
    if not isinstance(matrix, dict) or not matrix:
        raise RecipeError([f"matrix: expected a mapping of axes to their values, got {quote_value(matrix)}"])
    axes: list[Axis] = []
    problems: list[str] = []
    for name, choices in matrix.items():
        try:
            axes.append(_read_axis(name, choices, recipe_keys))
        except ValueError as error:
            problems.append(f"{dotted(('matrix', name))}: {error}")
    problems += [
        f"matrix.{second.name}: sets {key}, as the axis '{first.name}' does; remove it from one of them"
        for first, second, key in shared_keys(axes)
    ]
    variants = math.prod(len(axis.choices) for axis in axes)
    if variants > MAX_VARIANTS:
        problems.append(
            f"matrix: has {variants} variants, at most {MAX_VARIANTS} are allowed; split it into several recipes"
        )
    if problems:
        raise RecipeError(problems)
    return tuple(axes)


def shared_keys(axes: Sequence[Axis]) -> Iterator[tuple[Axis, Axis, str]]:
    """Yields each pair of axes that set the same key, with the first such key, dotted."""
    for first, second in combinations(axes, 2):
        pairs = product(first.paths(), second.paths())
        shared = sorted(dotted(max(pair, key=len)) for pair in pairs if _overlap(*pair))
        if shared:
            yield first, second, shared[0]


def combine(axes: Sequence[Axis]) -> Iterator[tuple[str, tuple[Values, ...]]]:
    """Yields the name ("mirror=0,rate=16k"; "" without axes) and the keys of each combination of choices."""
    for choices in product(*(axis.choices for axis in axes)):
        names = (f"{axis.name}={label}" for axis, (label, _) in zip(axes, choices, strict=True))
        yield ",".join(names), tuple(values for _, values in choices)


def _read_axis(name: object, choices: object, recipe_keys: Sequence[str]) -> Axis:
    if not isinstance(name, str) or not FOLDER_SAFE.fullmatch(name):
        raise ValueError(f"expected letters, digits and . _ + - in the name of an axis, got {quote_value(name)}")
    if not isinstance(choices, list | dict) or not choices:
        raise ValueError(
            f"expected a list of values, or a mapping of labels to recipe keys, got {quote_value(choices)}"
        )
    if isinstance(choices, dict):
        labelled = [(_label(label), _overrides(label, values)) for label, values in choices.items()]
    else:
        if name not in recipe_keys:
            similar = did_you_mean(name, recipe_keys)
            raise ValueError(f"has a list of values but is not a recipe key{similar}; map labels to recipe keys")
        labelled = [(_label(value), _nest(name, value)) for value in choices]
    labels = [label.lower() for label, _ in labelled]  # some file systems ignore case
    repeated = [label for label in labels if labels.count(label) > 1]
    if repeated:
        raise ValueError(f"has {quote_value(repeated[0])} twice; remove one")
    return Axis(name, tuple(labelled))


def _label(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if not isinstance(value, str | int | float) or not FOLDER_SAFE.fullmatch(text):
        raise ValueError(
            f"{quote_value(value)} cannot be part of a folder name (letters, digits and . _ + -); map labels to recipe "
            "keys"
        )
    return text


def _overrides(label: object, values: object) -> Values:
    if not isinstance(values, dict):
        raise ValueError(
            f"expected a mapping of recipe keys at the label {quote_value(label)}, got {quote_value(values)}"
        )
    for key in ("extends", "matrix"):
        if key in values:
            raise ValueError(f"the label {quote_value(label)} sets {key}; move it to the top level of the recipe")
    return values


def _nest(key: str, value: object) -> Values:
    section, _, rest = key.partition(".")
    return {section: {rest: value}} if rest else {section: value}


def _leaves(values: Mapping[Any, Any], path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key)


def _overlap(first: tuple[Any, ...], second: tuple[Any, ...]) -> bool:
    """Whether one path is the start of the other."""
    shorter = min(len(first), len(second))
    return first[:shorter] == second[:shorter]
