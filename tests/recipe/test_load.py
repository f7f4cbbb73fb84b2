"""Which recipes load under which names, and how mistakes in several files are reported."""

from pathlib import Path

import pytest

from tests.helpers.recipe_files import KNOWN_NAMES, LEAST, load, problems, write
from workbench.errors import RecipeError
from workbench.recipe import from_resolved, load_recipes, read_limits, recipe_files, with_overrides


def test_mistakes_of_several_files_are_reported_together() -> None:
    files = [write("a b.yaml", LEAST), write("b.yaml", "description: [\n"), Path("c.yaml")]
    found = problems(*files, write("d.yaml", LEAST + "frames_per_chunk: 7\n"))
    assert [problem.split(":")[0] for problem in found] == ["a b.yaml", "b.yaml", "c.yaml", "d.yaml"]
    assert "the file name becomes a folder name" in found[0]


def test_recipes_of_one_call_need_different_names() -> None:
    first, second = write("a/r.yaml", LEAST), write("b/R.yaml", LEAST)
    assert problems(first, second, first) == [
        "b/R.yaml: has the same name as a/r.yaml; rename one of them",
        "a/r.yaml: has the same name as b/R.yaml; rename one of them",
    ]
    assert problems(first, first) == ["a/r.yaml: is given twice; name it once"]


def test_recipe_files_of_a_folder_are_sorted() -> None:
    for name in ("b.yaml", "a.yaml", "notes.txt"):
        write(f"recipes/{name}", LEAST)
    files = recipe_files(Path("recipes"))
    assert files == [Path("recipes/a.yaml"), Path("recipes/b.yaml")]
    recipes = load_recipes(files[::-1], KNOWN_NAMES)
    assert [(recipe.name, recipe.source) for recipe in recipes] == [("b", files[1]), ("a", files[0])]
    with pytest.raises(RecipeError, match="missing: there is no such folder"):
        recipe_files(Path("missing"))


def test_with_overrides_replaces_and_validates() -> None:
    (recipe,) = load(LEAST)
    changed = with_overrides(recipe, "mirror=0", mirror=0.0)
    assert (changed.name, changed.mirror, changed.chunk_samples) == ("r@mirror=0", 0.0, 960)
    with pytest.raises(RecipeError) as caught:
        with_overrides(recipe, "x", mirror=2.0, streams=0)
    assert caught.value.problems == ("streams: expected at least 1, got 0", "mirror: expected at most 1, got 2.0")


def test_from_resolved_fills_in_missing_keys() -> None:
    (recipe,) = load(LEAST)
    resolved = {key: value for key, value in recipe.resolved().items() if key != "protocol"}
    assert from_resolved("r", recipe.source, resolved) == recipe


def test_read_limits_keeps_the_text_of_limits() -> None:
    limits = {"program.bytes": "<= 1_000", "speed.speedup_p50": ">= 5", "deviation.confidence.max": None}
    text = "program.bytes: <= 1_000\nspeed.speedup_p50: '>= 5'\ndeviation.confidence.max: null\n"
    assert read_limits(write("limits.yaml", text), KNOWN_NAMES) == limits


@pytest.mark.parametrize(
    ("text", "starts"),
    [
        ("speed.speedup_p50: 5\n7: <= 1\n", ["speed.speedup_p50: expected a limit", "7: expected text"]),
        ("gates:\n  program.bytes: <= 1\n", ["gates: is not allowed here"]),
        ("", ["is empty; a file of gates"]),
    ],
    ids=["wrong-limits", "gates-key", "empty"],
)
def test_read_limits_reports_every_mistake(text: str, starts: list[str]) -> None:
    with pytest.raises(RecipeError) as caught:
        read_limits(write("limits.yaml", text), KNOWN_NAMES)
    for problem, start in zip(caught.value.problems, starts, strict=True):
        assert problem.startswith(f"limits.yaml: {start}")
