"""`extends`: what a child inherits, and mistakes in the chain."""

from pathlib import Path

import pytest

from tests.helpers.recipe_files import LEAST, load, problems, problems_of, write
from workbench.recipe import Gate, shipped_names
from workbench.recipe.files import read_recipe_file


def test_child_overrides_and_inherits_through_a_chain() -> None:
    write("root.yaml", LEAST + "speed: {threads: 2, rounds: 5}\naudio: {score: ['sung/*']}\n")
    limits = "gates: {program.bytes: <= 5, speed.speedup_p50: '>= 2'}\n"
    write("middle.yaml", f"description: Middle\nextends: root.yaml\nspeed: {{rounds: 7}}\n{limits}")
    child = "description: Child\nextends: middle\nmirror: 0\naudio: {score: [sung/verse]}\n"
    (recipe,) = load(child + "gates: {program.bytes: null}\n")
    assert (recipe.description, recipe.mirror, recipe.sample_rate_hz) == ("Child", 0.0, 48000)
    assert (recipe.speed.threads, recipe.speed.rounds) == (2, 7)
    assert recipe.audio.score == ("sung/verse",)
    assert recipe.gates == (Gate("speed.speedup_p50", ">=", 2.0),)


def test_inherited_mistake_names_its_file() -> None:
    write("base.yaml", LEAST + "streams: 0\n")
    assert problems_of("extends: base\nmirror: 3\n") == [
        "r.yaml: description: is missing",
        "r.yaml: streams: expected at least 1, got 0 [inherited from base.yaml]",
        "r.yaml: mirror: expected at most 1, got 3",
    ]


@pytest.mark.parametrize(
    ("parent", "problem"),
    [
        (
            "bas",
            "there is no file 'bas.yaml' in the folder of r.yaml, and no shipped recipe 'bas' (did you mean 'base'?)",
        ),
        ("./bas", "there is no file 'bas.yaml' in the folder of r.yaml (did you mean 'base'?)"),
        ("bas.yaml", "there is no file 'bas.yaml' in the folder of r.yaml (did you mean 'base'?)"),
        ("../nowhere/base", "there is no file '../nowhere/base.yaml' in the folder of r.yaml"),
        ("/" + "x" * 300, "there is no file '/" + "x" * 55 + "... in the folder of r.yaml"),
        ("3", "expected the name of a recipe, got 3"),
    ],
)
def test_bad_parent_is_reported_with_the_other_mistakes(parent: str, problem: str) -> None:
    """Keys that the parent could have set are not reported as missing."""
    write("base.yaml", LEAST)
    assert problems_of(f"description: Child\nextends: {parent}\nmirror: 3\n") == [
        f"r.yaml: extends: {problem}",
        "r.yaml: mirror: expected at most 1, got 3",
    ]


def test_mistake_of_a_shared_parent_is_reported_once() -> None:
    write("base.yaml", "a: [")
    (problem,) = problems(*(write(f"{name}.yaml", f"description: {name}\nextends: base\n") for name in "ab"))
    assert problem.startswith("base.yaml: line 1: is not YAML")


@pytest.mark.parametrize(
    ("child", "parent", "extended"),
    [
        ("r", "float-xnnpack", shipped_names()["float-xnnpack"]),
        ("r", "findings/vulkan", shipped_names()["findings/vulkan"]),
        ("r", "int8-mixed", Path("int8-mixed.yaml")),  # the file in the folder goes before the shipped recipe
        ("int8-mixed", "int8-mixed", shipped_names()["int8-mixed"]),  # no file extends itself
    ],
)
def test_a_shipped_recipe_is_extended_by_its_name(child: str, parent: str, extended: Path) -> None:
    write("int8-mixed.yaml", LEAST)
    file = read_recipe_file(write(f"{child}.yaml", f"extends: {parent}\n"), ())
    assert [layer.source for layer in file.layers[-2:]] == [extended, Path(f"{child}.yaml")]


@pytest.mark.parametrize(
    ("child", "names"),
    [
        ("", ["r@mirror=0", "r@mirror=1"]),
        ("matrix: null\n", ["r"]),
        ("matrix: {reduction: [mean]}\n", ["r@reduction=mean"]),
    ],
    ids=["inherited", "removed", "replaced"],
)
def test_matrix_is_inherited_as_a_whole(child: str, names: list[str]) -> None:
    write("base.yaml", LEAST + "matrix: {mirror: [0, 1]}\n")
    assert [recipe.name for recipe in load(f"description: Child\nextends: base\n{child}")] == names


@pytest.mark.parametrize(
    "keys", ["checkpoint: mine.ckpt\n", "matrix: {weights: {own: {checkpoint: mine.ckpt}}}\n"], ids=["key", "matrix"]
)
def test_inherited_checkpoint_is_relative_to_its_file(keys: str) -> None:
    checkpoint = write("bases/mine.ckpt", b"")
    write("bases/base.yaml", LEAST + keys)
    (recipe,) = load("description: Child\nextends: ../bases/base\n", "children/r.yaml")
    assert recipe.checkpoint == str(checkpoint.absolute())
