"""Which recipes load under which names, and how mistakes in several files are reported."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.recipe_files import KNOWN_NAMES, LEAST, load, problems, problems_of, write
from workbench.errors import RecipeError
from workbench.recipe import from_resolved, invalid_name_reason, load_recipes, read_limits, recipe_files, with_overrides


def test_all_mistakes_of_a_file_are_reported_at_once() -> None:
    text = LEAST.replace("48000", "abc") + "lowring: {backend: portable}\nreduction: alva\n"
    assert problems_of(text) == [
        "r.yaml: sample_rate_hz: expected a whole number, got 'abc'",
        "r.yaml: reduction: expected 'alwa', 'argmax' or 'mean', got 'alva' (did you mean 'alwa'?)",
        "r.yaml: lowring: is not a recipe key (did you mean 'lowering'?)",
    ]


def test_mistakes_of_several_files_are_reported_together() -> None:
    files = [write("a.yaml", LEAST + "mirrors: 0\n"), write("b.yaml", "description: [\n"), Path("c.yaml")]
    found = problems(*files, write("d.yaml", LEAST + "frames_per_chunk: 7\n"))
    assert [problem.split(":")[0] for problem in found] == ["a.yaml", "b.yaml", "c.yaml", "d.yaml"]


def test_relative_checkpoint_is_found_beside_its_recipe() -> None:
    checkpoint = write("bases/mine.ckpt", b"")
    write("bases/base.yaml", LEAST + "checkpoint: mine.ckpt\n")
    (recipe,) = load("description: Child\nextends: ../bases/base\n", "children/r.yaml")
    assert recipe.checkpoint == str(checkpoint.absolute())


def test_recipes_of_one_call_need_different_names() -> None:
    first, second = write("a/r.yaml", LEAST), write("b/R.yaml", LEAST)
    assert problems(first, second, first) == [
        "b/R.yaml: has the same name as a/r.yaml; rename one of them",
        "a/r.yaml: has the same name as b/R.yaml; rename one of them",
    ]
    assert problems(first, first) == ["a/r.yaml: is given twice; name it once"]


def test_file_name_that_cannot_be_a_folder_is_rejected() -> None:
    (problem,) = problems(write("a b.yaml", LEAST))
    assert problem.startswith("a b.yaml: the file name becomes a folder name")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("float", ""),
        ("r@mirror=0,rate=16k", ""),
        ("../r", "folder name"),
        ("", "folder name"),
        ("x" * 201, "more than"),
    ],
)
def test_invalid_name_reason(name: str, reason: str) -> None:
    found = invalid_name_reason(name)
    assert (reason in found) if reason else not found


def test_recipe_files_of_a_folder_are_sorted() -> None:
    for name in ("b.yaml", "a.yaml", "notes.txt"):
        write(f"recipes/{name}", LEAST)
    assert recipe_files(Path("recipes")) == [Path("recipes/a.yaml"), Path("recipes/b.yaml")]


def test_recipe_files_of_a_missing_folder_raises() -> None:
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


def test_read_limits() -> None:
    text = "program.bytes: <= 1_000\nspeed.speedup_p50: '>= 5'\ndeviation.confidence.max: null\n"
    assert read_limits(write("limits.yaml", text), KNOWN_NAMES) == {
        "program.bytes": "<= 1_000",
        "speed.speedup_p50": ">= 5",
        "deviation.confidence.max": None,
    }


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        (
            "program.byte: <= 1\nspeed.speedup_p50: 5\n7: <= 1\n",
            ["program.byte: is not a metric", "speed.speedup_p50: expected a limit", "7: expected text"],
        ),
        ("gates:\n  program.bytes: <= 1\n", ["gates: is not allowed here"]),
        ("", ["is empty; a file of gates"]),
    ],
    ids=["wrong-limits", "gates-key", "empty"],
)
def test_read_limits_reports_every_mistake(text: str, keys: list[str]) -> None:
    with pytest.raises(RecipeError) as caught:
        read_limits(write("limits.yaml", text), KNOWN_NAMES)
    assert len(caught.value.problems) == len(keys)
    for problem, key in zip(caught.value.problems, keys, strict=True):
        assert problem.startswith(f"limits.yaml: {key}")


def test_recipe_package_imports_no_torch() -> None:
    heavy = "{'torch', 'executorch', 'soundfile', 'pesto', 'numpy'}"
    code = f"import sys, workbench.recipe; sys.exit(' '.join({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""


def test_load_recipes_keeps_the_order_of_files() -> None:
    files = [write(name, LEAST) for name in ("b.yaml", "a.yaml")]
    recipes = load_recipes(files, KNOWN_NAMES)
    assert [(recipe.name, recipe.source) for recipe in recipes] == [("b", files[0]), ("a", files[1])]
