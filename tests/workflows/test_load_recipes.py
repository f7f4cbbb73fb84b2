"""The recipe of a stored result: it is one of this version, or one error says why it is not."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.results import MEASURED, replaced, stored
from workbench.errors import CheckpointError, RecipeError
from workbench.workflows.load_recipes import recipe_from_result

RESULT = stored()
PATH = Path("r/result.json")


def values_at(keys: dict[str, Any], resolved: dict[str, Any]) -> dict[str, Any]:
    """The values of a recipe at the keys that an older one has."""
    return {key: values_at(old, resolved[key]) if key == "lowering" else resolved[key] for key, old in keys.items()}


@pytest.mark.parametrize("path", sorted(MEASURED.glob("*.json")), ids=lambda path: path.stem)
def test_stored_result_has_a_recipe_in_this_version(path: Path) -> None:
    resolved = stored(path.stem).recipe.resolved
    recipe = recipe_from_result(stored(path.stem), path)
    assert values_at(resolved, recipe.resolved()) == resolved
    assert (recipe.name, recipe.source) == (path.stem, path)


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("recipe.resolved.mirror", 2, "recipe.resolved: mirror: expected at most 1, got 2"),
        *(
            ("recipe.name", name, "recipe.name: ")
            for name in ("../../escaped", "/tmp/escaped", "", ".hidden", "a/b", "a@../b", "n" * 201)
        ),
    ],
)
def test_result_with_an_invalid_recipe_is_an_error(path: str, value: Any, problem: str) -> None:
    with pytest.raises(RecipeError) as caught:
        recipe_from_result(replaced(RESULT, path, value), PATH)
    assert caught.value.problems[0].startswith(f"{PATH}: {problem}")


def test_trusted_checkpoint_with_other_bytes_is_an_error(tmp_path: Path) -> None:
    own = tmp_path / "own.ckpt"
    own.write_bytes(b"trusted")
    trusting = replaced(RESULT, "recipe.resolved.trust_checkpoint", True)
    trusting = replaced(trusting, "recipe.resolved.checkpoint", str(own))
    trusted = replaced(trusting, "recipe.checkpoint_sha256", hashlib.sha256(b"trusted").hexdigest())
    assert recipe_from_result(trusted, PATH).trust_checkpoint
    for sha256 in ("c" * 64, ""):
        with pytest.raises(CheckpointError, match=f"not the checkpoint that {PATH} trusts"):
            recipe_from_result(replaced(trusting, "recipe.checkpoint_sha256", sha256), PATH)
