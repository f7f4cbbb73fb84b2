"""A recipe to start from: it extends another one, and has every usual key as a comment, with its value and meaning.

The keys, their values and their meanings come from the schema that validates recipes.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.audio.clip_catalog import ClipCatalog
from workbench.errors import WorkbenchError
from workbench.recipe import Recipe, file_name_problem, find_recipe, shipped_name
from workbench.recipe.schema import RecipeModel
from workbench.recipe.sections import RecipeSection
from workbench.storage.atomic import write_atomic
from workbench.storage.yaml_files import as_yaml, is_file
from workbench.workflows.load_recipes import load_variants

_GROUPS: Mapping[str, tuple[str, ...]] = {
    "The stream: what an app passes to a call and receives": (
        *("sample_rate_hz", "chunk_samples", "frames_per_chunk", "streams", "mirror", "state", "outputs"),
    ),
    "The model and its implementation": ("checkpoint", "reduction", "frontend", "frontend_tolerance", "lowering"),
    "The layers in int8": ("quantization",),
    "What is scored, how it is timed, and what decides the verdict": (
        *("postprocess", "audio", "scoring", "speed", "gates"),
    ),
}
_RARE = ("lowering.scope", "quantization.everywhere", "quantization.seed", "quantization.seconds_per_clip")
_WIDTH, _COMMENT_COLUMN = 120, 28


def write_new_recipe(path: Path, base: str, catalog: ClipCatalog, overwrite: bool = False) -> Recipe:
    """Writes a recipe that extends another one and passes `check` as it is.

    Args:
        path: The file to write.
        base: The name of a shipped recipe, or the path of a recipe file.
        catalog: The clips that recipes can name.
        overwrite: Replaces an existing file.

    Returns:
        The recipe that the new one extends; of a matrix, its first variant.

    Raises:
        RecipeError: There is no such recipe, or it has mistakes.
        WorkbenchError: The file exists, its name cannot be that of a folder, or its folder is missing.
    """
    _check_path(path, overwrite)
    file = find_recipe(base)
    if file.is_dir():
        raise WorkbenchError(f"--from {base}: is a folder; name one recipe")
    variants = load_variants([base], catalog)
    write_atomic(path, new_recipe(path.stem, _reference(path, file), variants).encode())
    return variants[0]


def _check_path(path: Path, overwrite: bool) -> None:
    if path.suffix not in (".yaml", ".yml"):
        raise WorkbenchError(f"{path}: a recipe ends in .yaml; write {path}.yaml")
    problem = file_name_problem(path)
    if problem:
        raise WorkbenchError(problem)
    if not path.parent.is_dir():
        raise WorkbenchError(f"{path}: there is no folder {path.parent}; create it first")
    if path.is_dir():
        raise WorkbenchError(f"{path}: is a folder; choose another name")
    if path.exists() and not overwrite:
        raise WorkbenchError(f"{path}: exists; choose another name, or replace it with --overwrite")


def _reference(path: Path, base: Path) -> str:
    """Returns what `extends` has: the name of a shipped recipe, or the path from the new file's folder.

    Raises WorkbenchError if a file in that folder has the shipped name, because `extends` would mean that file.
    """
    name = shipped_name(base)
    if name is None:
        if path.exists() and path.samefile(base):
            raise WorkbenchError(f"{path}: cannot extend itself; choose another name")
        return Path(os.path.relpath(base, path.parent)).as_posix()
    sibling = path.parent / f"{name}.yaml"
    if sibling != path and is_file(sibling) and shipped_name(sibling) is None:
        raise WorkbenchError(f"{path}: extends: {name} would mean {sibling}; choose another folder")
    return name


def new_recipe(name: str, extends: str, variants: Sequence[Recipe]) -> str:
    """Returns the text of a recipe that extends the recipe with these variants."""
    base = variants[0].name.partition("@")[0]
    resolved = [variant.resolved() for variant in variants]
    lines = [
        f"# Every key below has the value of {base}. To change one, remove its # and that of its section.",
        f"# `workbench check {name}.yaml` checks this file, `workbench run {name}.yaml` builds and scores it.",
        f"extends: {extends}",
        as_yaml({"description": f"My variant of {base}."}),
    ]
    if len(variants) > 1:
        axes = [label.partition("=")[0] for label in variants[0].name.partition("@")[2].split(",")]
        lines += [
            f"# {base} is a matrix of {len(variants)} variants. null leaves one variant; other axes replace them.",
            _line("# matrix: null", f"axes: {', '.join(axes)}"),
        ]
    for title, keys in _GROUPS.items():
        lines += ["", f"# {title}", *_key_lines(RecipeModel, keys, resolved)]
    return "\n".join(lines) + "\n"


def _key_lines(
    section: type[RecipeSection], keys: Sequence[str], resolved: Sequence[Mapping[str, Any]], above: str = ""
) -> Iterator[str]:
    """Yields a comment for each key of a section, with the values in `resolved`, the same section of each variant."""
    properties, indent = section.model_json_schema()["properties"], "  " * bool(above)
    for key in keys:
        kind = section.model_fields[key].annotation
        values = [each.get(key) for each in resolved]
        if above + key in _RARE:
            continue
        if isinstance(kind, type) and issubclass(kind, RecipeSection):
            yield f"# {key}:"
            yield from _key_lines(kind, list(kind.model_fields), [each[key] for each in resolved], f"{key}.")
        elif key == "gates":
            yield _line("# gates:", "'<= 0.01', '>= 5' or '<= 800 kB'; null removes one")
            for metric, limit in (values[0] or {}).items():
                yield f"#   {as_yaml({metric: limit})}"
        else:
            allowed = _allowed(properties[key])
            if any(value != values[0] for value in values):
                allowed = f"set by the matrix; {allowed}"
            text = f"{key}: null" if values[0] is None else as_yaml({key: values[0]})
            yield _line(f"# {indent}{text}", allowed, _first_part(section.model_fields[key].description or ""))


def _line(key: str, allowed: str, meaning: str = "") -> str:
    """Returns a key with its comment. A meaning that does not fit on the line ends at a comma, or is left out."""
    line = f"{key:<{_COMMENT_COLUMN - 1}} # {allowed}"
    if not meaning:
        return line
    line += ". " * bool(allowed)
    room = _WIDTH - len(line)
    if len(meaning) > room:
        meaning = meaning[: max(room - 3, 0)].rpartition(", ")[0]
        meaning += "..." * bool(meaning)
    return (line + meaning).rstrip(". ") + "..." * meaning.endswith("...")


def _first_part(description: str) -> str:
    """Returns the description up to its first full stop or semicolon."""
    return re.split(r"(?<=[^.])[.;](?: |$)", description)[0]


def _allowed(schema: Mapping[str, Any]) -> str:
    """Returns the choices of a key or the range of a number; "" if any value of its kind is allowed."""
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return next((text for option in schema["anyOf"] if (text := _allowed(option))), "")
    if schema.get("type") == "boolean":
        return "true, false"
    if schema.get("type") == "array":
        return _allowed(schema["items"])
    if isinstance(schema.get("additionalProperties"), dict):
        return _allowed(schema["additionalProperties"])
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is None or high is None:
        return ""
    above, below = "above " * ("minimum" not in schema), "below " * ("maximum" not in schema)
    return f"{above}{_number(low)} to {below}{_number(high)}"


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
