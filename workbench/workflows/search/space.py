"""A search space: the file of `search`, its base recipe, and the recipes that are in it."""

import json
import math
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from workbench.audio.clip_catalog import ClipCatalog
from workbench.errors import RecipeError, YamlError
from workbench.recipe import Gate, KnownNames, Recipe, from_resolved, overrides_from_values
from workbench.recipe.files import merge
from workbench.recipe.messages import explain_all
from workbench.recipe.options import Scheme
from workbench.recipe.patterns import rule_for
from workbench.records.result import gate_metrics
from workbench.storage.hashing import sha256_of
from workbench.storage.yaml_files import read_yaml_mapping
from workbench.workflows.load_recipes import load_variants
from workbench.workflows.search.space_schema import OBJECTIVE_METRICS, Range, SpaceModel, label_of

_COMBINATIONS = 200


@dataclass(frozen=True)
class Choices:
    """What one trial chose: key -> value, and pattern -> scheme."""

    keys: Mapping[str, Any]
    layers: Mapping[str, Scheme]


@dataclass(frozen=True)
class Space:
    """A search space with its base recipe.

    Attributes:
        path: The file.
        model: Its keys.
        base: The recipe whose keys are varied.
    """

    path: Path
    model: SpaceModel
    base: Recipe

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics of the objective; one or two."""
        return OBJECTIVE_METRICS[self.model.objective]

    @property
    def needs_times(self) -> bool:
        """Whether a trial has to be timed."""
        names = (*self.metrics, *(gate.metric for gate in self.model.constraints))
        return any(name.startswith("speed.") for name in names)

    @property
    def sha256(self) -> str:
        """The hash of all that decides which trials there are and what they are worth. More trials do not change it."""
        content = self.model.model_dump(mode="json", exclude={"description", "trials", "set"})
        resolved = self.base.resolved()
        del resolved["description"], resolved["gates"]
        return sha256_of(json.dumps([content, resolved], sort_keys=True).encode())

    def recipe(self, choices: Choices, name: str | None = None) -> Recipe:
        """Returns the recipe of a trial. Raises RecipeError if its choices do not fit together."""
        nested = [_nest(key, value) for key, value in choices.keys.items()]
        parts = {"quantization": {"parts": dict(choices.layers)}}
        resolved = merge([self.base.resolved(), *nested, parts])
        resolved["gates"] = {gate.metric: str(gate) for gate in self.model.constraints}
        return from_resolved(name or self.base.name, self.base.source, resolved)

    def base_choices(self) -> dict[str, Any] | None:
        """Returns the parameters of the base recipe, or None if it is not in the space: then no trial starts there."""
        found: dict[str, Any] = {}
        resolved = self.base.resolved()
        for key, choices in self.model.keys.items():
            value: Any = resolved
            for word in key.split("."):
                value = value[word]
            if isinstance(choices, Range):
                if not choices.low <= value <= choices.high:
                    return None
                found[key] = value
            elif label_of(value) not in [label_of(choice) for choice in choices]:
                return None
            else:
                found[key] = label_of(value)
        for pattern, schemes in self.model.layers.items():
            parts = self.base.quantization.parts
            scheme = parts.get(pattern) or rule_for(parts, pattern) or "none"
            if scheme not in schemes:
                return None
            found[pattern] = scheme
        return found


def load_space(path: Path, catalog: ClipCatalog) -> Space:
    """Reads and checks the file of a space. Raises RecipeError with every mistake in it."""
    try:
        values = read_yaml_mapping(path, "search space")
    except YamlError as error:
        raise RecipeError([str(error)]) from None
    names = KnownNames((), (), (), gate_metrics())
    try:
        model = SpaceModel.model_validate(values, context=names)
    except ValidationError as error:
        problems = [line.removeprefix(": ") for line in explain_all(error.errors(include_url=False))]
        raise RecipeError([f"{path}: {problem}" for problem in problems]) from None
    variants = _load_base(path, model, catalog)
    if len(variants) > 1:
        raise RecipeError([f"{path}: base: {model.base} has {len(variants)} variants; name a recipe with one"])
    space = Space(path, model, variants[0])
    _check_values(space)
    _check_combinations(space)
    return space


def _load_base(path: Path, model: SpaceModel, catalog: ClipCatalog) -> list[Recipe]:
    """Returns the variants of the base recipe with the keys of `set`."""
    try:
        overrides = overrides_from_values(model.set)
    except RecipeError as error:
        raise RecipeError([f"{path}: set.{problem}" for problem in error.problems]) from None
    try:
        return load_variants([_base_reference(path, model.base)], catalog, overrides=overrides)
    except RecipeError as error:
        problems = [problem.replace(" [set by --set]", f" [set by {path}]") for problem in error.problems]
        raise RecipeError(problems) from None


def _base_reference(path: Path, base: str) -> str:
    """Returns the recipe that `base` names: a shipped one, or a file relative to that of the space."""
    beside = path.parent / base
    return str(beside) if base.endswith((".yaml", ".yml")) and beside.is_file() else base


def _check_values(space: Space) -> None:
    """Raises RecipeError if a key does not accept one of its values, whatever the others are."""
    problems = []
    for key, choices in space.model.keys.items():
        values = [choices.low, choices.high] if isinstance(choices, Range) else choices
        for value in values:
            try:
                space.recipe(Choices({key: value}, {}))
            except RecipeError as error:
                found = [line for line in error.problems if line.startswith(f"{key}: expected")]
                problems += [f"{space.path}: keys.{line}" for line in found]
    if problems:
        raise RecipeError(problems)


def _check_combinations(space: Space) -> None:
    """Raises RecipeError if none of some random combinations of choices is a recipe."""
    reasons: Counter[str] = Counter()
    chance = random.Random(0)
    for _ in range(_COMBINATIONS):
        ends = {
            key: [choices.low, choices.high] if isinstance(choices, Range) else choices
            for key, choices in space.model.keys.items()
        }
        keys = {key: chance.choice(values) for key, values in ends.items()}
        layers = {pattern: chance.choice(schemes) for pattern, schemes in space.model.layers.items()}
        try:
            space.recipe(Choices(keys, layers))
        except RecipeError as error:
            reasons.update(error.problems)
        else:
            return
    ((reason, _),) = reasons.most_common(1)
    raise RecipeError([f"{space.path}: its choices contradict each other: {reason}"])


def violation(gate: Gate, value: float) -> float:
    """Returns by how much a value exceeds a limit, relative to it (absolute if it is 0); 0 or less if it is within."""
    excess = value - gate.limit if gate.comparison == "<=" else gate.limit - value
    return excess / abs(gate.limit) if gate.limit else excess if math.isfinite(excess) else 1.0


def _nest(key: str, value: object) -> dict[str, Any]:
    for word in reversed(key.split(".")):
        value = {word: value}
    assert isinstance(value, dict)
    return value
