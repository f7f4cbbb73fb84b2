"""The file of a search space: what it means, and what is wrong with it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.project import write_project
from workbench.audio.clip_catalog import ClipCatalog
from workbench.errors import RecipeError
from workbench.storage.shipped import SPACES, shipped_recipes
from workbench.workflows.search.space import Choices, Space, load_space

BASE = """
extends: float-xnnpack
description: A base
frontend: three-stage
frontend_tolerance: 5e-4
lowering: {prefilter: fourier-halved, toeplitz_block: 8}
quantization: {parts: {encoder.first: int8-weights, encoder.prefilter.*.frequency.>=8: int4-weights}}
"""
SPACE: dict[str, Any] = {
    "base": "base.yaml",
    "keys": {
        "frontend_tolerance": {"low": 1e-4, "high": 5e-3, "log": True},
        "lowering.toeplitz_block": [4, 8, 16],
    },
    "layers": {
        "encoder.first": ["none", "int8-weights"],
        "encoder.narrow.*": ["none", "int8-weights"],
        "encoder.prefilter.*.frequency.>=8": ["none", "int4-weights"],
    },
    "constraints": {"deviation.pitch.p95_cents": "<= 1", "program.bytes": "<= 400 kB"},
}


def space_of(folder: Path, **keys: Any) -> Space:
    values = {key: value for key, value in {**SPACE, **keys}.items() if value is not None}
    (folder / "s.yaml").write_text(json.dumps(values))
    write_project(folder, base=BASE)
    return load_space(folder / "s.yaml", ClipCatalog(folder / "calib_audio"))


def test_recipe_of_a_trial_has_the_choices_and_the_limits(tmp_path: Path) -> None:
    space = space_of(tmp_path)
    recipe = space.recipe(
        Choices({"frontend_tolerance": 1e-3, "lowering.toeplitz_block": 4}, {"encoder.first": "none"})
    )
    assert (recipe.frontend_tolerance, recipe.lowering.toeplitz_block) == (1e-3, 4)
    assert recipe.quantization.parts == {**space.base.quantization.parts, "encoder.first": "none"}
    assert [str(gate) for gate in recipe.gates] == ["<= 1", "<= 400000"]
    assert space.base_choices() == {
        "frontend_tolerance": 5e-4,
        "lowering.toeplitz_block": "8",
        "encoder.first": "int8-weights",
        "encoder.narrow.*": "none",
        "encoder.prefilter.*.frequency.>=8": "int4-weights",
    }


@pytest.mark.parametrize("path", sorted((shipped_recipes() / SPACES).glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_spaces_have_their_base_recipe(path: Path) -> None:
    assert load_space(path, ClipCatalog(Path("calib_audio"))).base_choices() is not None


def test_set_replaces_keys_of_the_base(tmp_path: Path) -> None:
    space = space_of(tmp_path, set={"sample_rate_hz": 44100, "chunk_samples": 256})
    assert space.recipe(Choices({}, {})).stream_config.hop_samples == 256
    assert space.sha256 != space_of(tmp_path).sha256


def test_hash_is_that_of_the_trials(tmp_path: Path) -> None:
    first = space_of(tmp_path)
    assert space_of(tmp_path, trials=7, description="other").sha256 == first.sha256
    assert space_of(tmp_path, seed=7).sha256 != first.sha256


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"kees": 1}, "'kees' is not a key of a search space (did you mean 'keys'?)"),
        ({"keys": {"lowering.toeplitz_blok": [4, 8]}}, "keys: 'lowering.toeplitz_blok' is not a key that can "
            "be searched (did you mean 'lowering.toeplitz_block'?)"),
        ({"keys": {"lowering.toeplitz_block": [4, 5]}}, "keys.lowering.toeplitz_block: expected 4, 8, 16 or 32, got 5"),
        ({"keys": {"frontend_tolerance": {"low": 1, "high": 1}}}, "expected low < high, got 1 and 1"),
        ({"keys": {"lowering.toeplitz_block": [4]}}, "expected at least two choices, got 1"),
        ({"layers": {"encoder.first": ["none", "int8"]}}, "layers.encoder.first.1: expected"),
        ({"keys": None, "layers": None}, "has nothing to choose; add keys or layers with several choices"),
        ({"constraints": None}, "constraints: is missing"),
        ({"constraints": {"deviation.pitch.p95_cent": "<= 1"}}, "(did you mean 'deviation.pitch.p95_cents'?)"),
        ({"constraints": {"latency.algorithmic_ms": "<= 1"}}, "latency.algorithmic_ms is not measured in a search"),
        ({"set": {"mirro": 1}}, "s.yaml: set.mirro: is not a recipe key (did you mean 'mirror'?)"),
        ({"set": {"mirror": 2}}, "mirror: expected at most 1, got 2 [set by "),
        ({"set": {"frontend_tolerance": 1e-3}}, "keys.frontend_tolerance: is under set too; remove it"),
        ({"base": "int8-smal"}, "(did you mean 'int8-small'?)"),
    ],
)  # fmt: skip
def test_mistakes_are_named(keys: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as raised:
        space_of(tmp_path, **keys)
    assert message in str(raised.value)
    assert all("s.yaml" in problem or "int8-smal" in problem for problem in raised.value.problems)
