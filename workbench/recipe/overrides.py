"""Recipe keys that are set for one run, outside any file: `--set mirror=0,0.5,1` is an axis of three values.

A value is YAML. A comma outside brackets and quotes separates values: `outputs=[pitch, volume]` is one value, a list,
and `outputs=[pitch],[pitch, volume]` has two. A limit of a gate needs no quotes: `gates.program.bytes=<= 800 kB`.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from workbench.errors import RecipeError, YamlError, did_you_mean
from workbench.recipe.matrix import Axis, Values, shared_keys
from workbench.recipe.schema import RecipeModel
from workbench.recipe.sections import RecipeSection
from workbench.storage.yaml_files import parse_yaml


def overrides_from_text(settings: Sequence[str]) -> tuple[Axis, ...]:
    """Returns the axes that texts such as "mirror=0,0.5,1" describe. The values are not validated.

    Raises RecipeError with every text that is not KEY=VALUE, has an unknown key, or sets a key again.
    """
    axes: list[Axis] = []
    problems: list[str] = []
    for setting in settings:
        key, equals, text = _split(setting)
        try:
            if not equals or not key or not text:
                raise ValueError("expected KEY=VALUE, such as mirror=0.5")
            axes.append(_axis(key, _values(key, text)))
        except ValueError as error:
            problems.append(f"--set {key or setting}: {error}")
        except YamlError as error:
            problems.append(str(error))
    return _checked(axes, problems)


def overrides_from_values(values: Mapping[str, object]) -> tuple[Axis, ...]:
    """Returns the axes of a mapping dotted key -> value, each with this one value. Raises RecipeError as above."""
    axes: list[Axis] = []
    problems: list[str] = []
    for key, value in values.items():
        try:
            axes.append(_axis(key, [value]))
        except ValueError as error:
            problems.append(f"{key}: {error}")
    return _checked(axes, problems)


def _checked(axes: list[Axis], problems: list[str]) -> tuple[Axis, ...]:
    problems += [f"--set {second.name}: sets {key} again; set it once" for _, second, key in shared_keys(axes)]
    if problems:
        raise RecipeError(problems)
    return tuple(axes)


def _split(setting: str) -> tuple[str, str, str]:
    """Returns the key, "=" or "", and the text of a value. A key can end in a comparison ("parts.frequency.>=8")."""
    key, equals, text = (part.strip() for part in setting.partition("="))
    if key.endswith((".>", ".<")):
        limit, equals, text = (part.strip() for part in text.partition("="))
        key += f"={limit}"
    return key, equals, text


def _values(key: str, text: str) -> list[Any]:
    """Returns the values in a text. Raises YamlError, or ValueError if there is none."""
    if key.startswith("gates."):  # as YAML, ">= 5" would need quotes
        return [None if limit == "null" else limit for limit in map(str.strip, text.split(","))]
    values = parse_yaml(f"[{text}]", f"--set {key}")
    if not isinstance(values, list) or not values:
        raise ValueError("expected a value, such as mirror=0.5")
    return values


def _axis(key: str, values: Sequence[object]) -> Axis:
    path = _path(key)
    labelled = [(_label(value), _nest(path, value)) for value in values]
    labels = [label.lower() for label, _ in labelled]
    repeated = [label for label in labels if labels.count(label) > 1]
    if repeated:
        raise ValueError(f"has {repeated[0]!r} twice; remove one")
    return Axis(key, tuple(labelled))


def _path(key: str) -> list[str]:
    """Returns the keys from the recipe's top to a dotted key. What follows a mapping's key ("gates.") is one key."""
    section: type[RecipeSection] = RecipeModel
    path, rest = [], key
    while rest:
        name, _, after = rest.partition(".")
        field = section.model_fields.get(name)
        if field is None:
            if key in ("extends", "matrix"):
                raise ValueError("cannot be set for one run; write a recipe")
            raise ValueError("is not a recipe key" + did_you_mean(key, RecipeModel.dotted_keys()))
        path.append(name)
        rest = after
        if not (isinstance(field.annotation, type) and issubclass(field.annotation, RecipeSection)):
            break
        section = field.annotation
    return [*path, rest] if rest else path


def _nest(path: Sequence[str], value: object) -> Values:
    for key in reversed(path):
        value = {key: value}
    assert isinstance(value, dict)
    return value


def _label(value: object) -> str:
    """Returns a value as a part of a folder's name: "0.5", "pitch-volume", "800-kB"."""
    if isinstance(value, Mapping):
        return "-".join(f"{_label(key)}-{_label(item)}" for key, item in value.items()) or "empty"
    if isinstance(value, list | tuple):
        return "-".join(map(_label, value)) or "empty"
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return re.sub(r"[^\w.+-]+", "-", text).strip("-") or "empty"
