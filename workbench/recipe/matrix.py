"""A matrix of variants: axes in one recipe file, their product out, each combination with a folder-safe name.

    matrix:
      mirror: [0, 0.5, 1]                                        # a recipe key and its values
      rate:                                                      # a free name: label -> the keys it sets
        16k: {sample_rate_hz: 16000, chunk_samples: 320}
        48k: {sample_rate_hz: 48000, chunk_samples: 960}

makes six variants, "mirror=0,rate=16k" the first.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

from workbench.errors import did_you_mean, quote_value
from workbench.recipe.messages import dotted

MOST_VARIANTS = 256
FOLDER_SAFE = re.compile(r"[\w.+-]+")  # what a label or axis may be made of, as it becomes part of a folder's name

Values = dict[Any, Any]  # what YAML gives for a mapping: nothing about it has been checked


@dataclass(frozen=True)
class Axis:
    """One axis: its choices are (label, what it sets in the recipe)."""

    name: str
    choices: tuple[tuple[str, Values], ...]

    def paths(self) -> set[tuple[Any, ...]]:
        """Every key that some choice of this axis sets, as a path."""
        return {path for _, values in self.choices for path in _leaves(values)}


def read_axes(matrix: object, recipe_keys: Sequence[str]) -> tuple[tuple[Axis, ...], list[str]]:
    """The axes of a file's `matrix`, and what is wrong with it ("matrix.mirror: ..."); null has no axes."""
    if matrix is None:
        return (), []
    if not isinstance(matrix, dict) or not matrix:
        return (), [
            f"matrix: wants a mapping of axes to their values, got {quote_value(matrix) if matrix else 'an empty one'}"
        ]
    axes: list[Axis] = []
    problems: list[str] = []
    for name, choices in matrix.items():
        try:
            axes.append(_read_axis(name, choices, recipe_keys))
        except ValueError as error:
            problems.append(f"{dotted(('matrix', name))}: {error}")
    for one, other in combinations(axes, 2):
        shared = sorted(dotted(max(a, b, key=len)) for a in one.paths() for b in other.paths() if _overlap(a, b))
        if shared:
            problems.append(f"matrix.{other.name}: sets {shared[0]}, which the axis '{one.name}' sets as well")
    variants = math.prod(len(axis.choices) for axis in axes)
    if variants > MOST_VARIANTS:
        problems.append(f"matrix: makes {variants} variants, and {MOST_VARIANTS} is the most; split it over recipes")
    return ((), problems) if problems else (tuple(axes), [])


def combine(axes: Sequence[Axis]) -> Iterator[tuple[str, tuple[Values, ...]]]:
    """Each combination's name ("mirror=0,rate=16k"; "" without axes) and what its choices set."""
    for choices in product(*(axis.choices for axis in axes)):
        named = zip(axes, choices, strict=True)
        yield ",".join(f"{axis.name}={label}" for axis, (label, _) in named), tuple(values for _, values in choices)


def _read_axis(name: object, choices: object, recipe_keys: Sequence[str]) -> Axis:
    if not isinstance(name, str) or not FOLDER_SAFE.fullmatch(name):
        raise ValueError(f"the name of an axis is made of letters, digits and . _ + -, got {quote_value(name)}")
    if not isinstance(choices, list | dict):
        raise ValueError(f"wants a list of values, or a mapping of labels to recipe keys, got {quote_value(choices)}")
    if not choices:
        raise ValueError("has no values")
    if isinstance(choices, dict):
        labelled = [(_label(label), _overrides(label, values)) for label, values in choices.items()]
    else:
        if name not in recipe_keys:
            near = did_you_mean(name, recipe_keys)
            raise ValueError(f"a list of values belongs to a recipe key, and this is none{near}")
        labelled = [(_label(value), _nest(name, value)) for value in choices]
    labels = [label.lower() for label, _ in labelled]  # some file systems know no other difference
    twice = [label for label in labels if labels.count(label) > 1]
    if twice:
        raise ValueError(f"has {quote_value(twice[0])} twice")
    return Axis(name, tuple(labelled))


def _label(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if not isinstance(value, str | int | float):
        raise ValueError(f"{quote_value(value)} cannot name a variant; write a mapping of labels to recipe keys")
    if not FOLDER_SAFE.fullmatch(text):
        raise ValueError(
            f"{quote_value(value)} is no folder's name (letters, digits and . _ + -); write a mapping of labels to "
            f"recipe keys"
        )
    return text


def _overrides(label: object, values: object) -> Values:
    if not isinstance(values, dict):
        raise ValueError(f"the label {quote_value(label)} wants a mapping of recipe keys, got {quote_value(values)}")
    for key in ("extends", "matrix"):
        if key in values:
            raise ValueError(f"the label {quote_value(label)} sets {key}, which belongs at the top of a recipe file")
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


def _overlap(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]
