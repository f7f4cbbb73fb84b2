"""The data that the workbench ships: recipes with their names, clips' manifest, students, and measured results.

In a checkout they lie in `recipes/`, `calib_audio/`, `students/` and `docs/records/measured/`. A wheel has copies in
`workbench/shipped/`.

A recipe is named by its path below the folder of recipes, without suffix: `float-xnnpack`, `findings/vulkan`. A folder
of recipes has a name too: `findings`, and `shipped` for the outermost.
"""

import os
import warnings
from functools import cache
from pathlib import Path

from workbench.errors import RecipeError, WorkbenchWarning, did_you_mean, quote_value

RECIPE_SUFFIXES = (".yaml", ".yml")
ALL_SHIPPED = "shipped"
"""The name of the folder of shipped recipes."""

SPACES = "search"
"""The folder of search spaces among the recipes; they are no recipes."""

_PACKAGE = Path(__file__).parent.parent
_IN_WHEEL = _PACKAGE / "shipped"


def shipped_recipes() -> Path:
    """Returns the folder of the shipped recipes."""
    return _shipped("recipes", "recipes")


def shipped_clips() -> Path:
    """Returns the folder that has the manifest of the synthetic clips."""
    return _shipped("calib_audio", "calib_audio")


def shipped_records() -> Path:
    """Returns the folder that has the measured result of each shipped recipe, `<name of the recipe>.json`."""
    return _shipped("records", "docs/records/measured")


@cache
def shipped_students() -> dict[str, Path]:
    """Returns the file of each student that the workbench ships, by its name."""
    return {file.stem: file for file in sorted(_shipped("students", "students").glob("*.safetensors"))}


def _shipped(in_wheel: str, in_checkout: str) -> Path:
    return _IN_WHEEL / in_wheel if _IN_WHEEL.is_dir() else _PACKAGE.parent / in_checkout


@cache
def shipped_names() -> dict[str, Path]:
    """Returns the file of each shipped recipe by the name of the recipe. Those of the outermost folder come first."""
    folder = shipped_recipes()
    found = [file for file in folder.rglob("*.yaml") if file.parent != folder / SPACES]
    files = sorted(found, key=lambda file: (len(file.parts), file))
    return {file.relative_to(folder).with_suffix("").as_posix(): file for file in files}


@cache
def shipped_folders() -> dict[str, Path]:
    """Returns each folder of shipped recipes by its name."""
    folder = shipped_recipes()
    inner = {file.parent for file in shipped_names().values()} - {folder}
    return {ALL_SHIPPED: folder} | {path.relative_to(folder).as_posix(): path for path in sorted(inner)}


def shipped_name(path: Path) -> str | None:
    """Returns the name of the shipped recipe at a path, or None if the file is the user's own."""
    path, folder = path.resolve(), shipped_recipes().resolve()
    return path.relative_to(folder).with_suffix("").as_posix() if path.is_relative_to(folder) else None


def find_recipe(reference: str | Path) -> Path:
    """Returns the file or the folder that a name or a path means.

    A name means what is shipped. A local file or folder of the same name must be written as a path: with its suffix, or
    beginning with a dot or a slash. If there is one, a warning says so.

    Args:
        reference: The name of a shipped recipe or of a folder of them, or the path of any file or folder.

    Returns:
        The path. If `reference` is written as a path, there may be nothing at it.

    Raises:
        RecipeError: There is neither a shipped recipe nor a local file of this name.
    """
    name = os.fspath(reference)
    shipped = (shipped_names() | shipped_folders()).get(name)
    if shipped is not None:
        _warn_of_local_recipe(name)
        return shipped
    path = Path(name)
    if is_written_as_path(name) or _exists(path):
        return path
    near = did_you_mean(name, [*shipped_names(), *shipped_folders()])
    local = _local_file(name)
    advice = f"write {local} for the file" if local else "`workbench recipes` lists the shipped ones"
    where = f"neither a shipped recipe{near} nor a file in {Path.cwd()}"
    raise RecipeError([f"{quote_value(name)}: is {where}; {advice}"])


def is_written_as_path(text: str) -> bool:
    """Whether a text can only be a path: it has a suffix, begins with a dot or a slash, or ends with a slash."""
    path = Path(text)
    return text.startswith(".") or text.endswith(("/", os.sep)) or path.is_absolute() or bool(path.suffix)


def _warn_of_local_recipe(name: str) -> None:
    local = _local_file(name)
    if not local and Path(name).is_dir() and any(Path(name).glob("*.yaml")):
        local = f"./{name}/"
    if local:
        warnings.warn(f"{name}: is the shipped recipe; write {local} to use your own", WorkbenchWarning, stacklevel=3)


def _local_file(name: str) -> str:
    """Returns the recipe file of this name in the current folder, or ""."""
    return next((f"{name}{suffix}" for suffix in RECIPE_SUFFIXES if _exists(Path(name + suffix))), "")


def _exists(path: Path) -> bool:
    """Whether there is something at a path. False also for a name that no file system accepts."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
