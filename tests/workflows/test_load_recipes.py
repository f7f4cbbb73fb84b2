"""The recipe of a stored result: it is one of this version, or one error says why it is not."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.records.results import MEASURED, stored, with_todays_defaults
from workbench.errors import CheckpointError, RecipeError
from workbench.workflows.load_recipes import recipe_from_result

PATH = Path("r/result.json")


@pytest.mark.parametrize("path", sorted(MEASURED.glob("*.json")), ids=lambda path: path.stem)
def test_stored_result_has_a_recipe_in_this_version(path: Path) -> None:
    result = stored(path.stem)
    recipe = recipe_from_result(result, path)
    assert recipe.resolved() == with_todays_defaults(result.recipe.resolved)
    assert (recipe.name, recipe.source) == (path.stem, path)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("recipe.resolved.mirror", 2),
        *(("recipe.name", name) for name in ("../../x", "/tmp/x", "", ".hidden", "a/b", "a@../b", "n" * 201)),
    ],
)
def test_result_with_an_invalid_recipe_is_an_error(path: str, value: Any) -> None:
    with pytest.raises(RecipeError, match=f"^{PATH}: {path.replace('.mirror', ': mirror')}: "):
        recipe_from_result(stored(**{path: value}), PATH)


def test_trusted_checkpoint_with_other_bytes_is_an_error(tmp_path: Path) -> None:
    own = tmp_path / "own.ckpt"
    own.write_bytes(b"trusted")
    trusting = {"recipe__resolved__trust_checkpoint": True, "recipe__resolved__checkpoint": str(own)}
    sha256 = hashlib.sha256(b"trusted").hexdigest()
    assert recipe_from_result(stored(**trusting, recipe__checkpoint_sha256=sha256), PATH).trust_checkpoint
    for sha256 in ("c" * 64, ""):
        with pytest.raises(CheckpointError, match=f"not the checkpoint that {PATH} trusts"):
            recipe_from_result(stored(**trusting, recipe__checkpoint_sha256=sha256), PATH)
