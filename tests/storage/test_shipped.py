"""Names of shipped recipes: what they mean, in a checkout and in a wheel, and what is wrong with an unknown one."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.helpers.recipe_files import KNOWN_NAMES, LEAST, write
from workbench.errors import RecipeError, WorkbenchWarning
from workbench.recipe import find_recipe, load_recipes, shipped_clips, shipped_names, shipped_records
from workbench.records.result import gate_metrics

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("reference", "path"),
    [
        ("int8-mixed", CHECKOUT / "recipes/int8-mixed.yaml"),
        ("findings/vulkan", CHECKOUT / "recipes/findings/vulkan.yaml"),
        ("findings", CHECKOUT / "recipes/findings"),
        ("shipped", CHECKOUT / "recipes"),
        ("int8-mixed.yaml", Path("int8-mixed.yaml")),
        ("./int8-mixed", Path("int8-mixed")),
        ("mine/", Path("mine")),
        ("mine", Path("mine")),
        (Path("mine"), Path("mine")),
    ],
    ids=str,
)
def test_a_name_is_shipped_and_a_path_is_the_users(reference: str | Path, path: Path) -> None:
    Path("mine").mkdir()
    assert find_recipe(reference) == path


def test_unknown_name_suggests_a_shipped_one() -> None:
    with pytest.raises(RecipeError, match="did you mean 'findings/vulkan'"):
        find_recipe("findings/vulcan")


@pytest.mark.parametrize(
    ("local", "written"), [("int8-mixed.yaml", "int8-mixed.yaml"), ("int8-mixed/mine.yaml", "./int8-mixed/")]
)
def test_name_of_a_local_file_means_the_shipped_recipe_and_a_warning_says_so(local: str, written: str) -> None:
    write(local, LEAST)
    with pytest.warns(WorkbenchWarning, match=f"^int8-mixed: is the shipped recipe; write {written} to use your own$"):
        assert find_recipe("int8-mixed") == CHECKOUT / "recipes/int8-mixed.yaml"


def test_source_of_a_shipped_recipe_is_its_name() -> None:
    files = [shipped_names()["float-xnnpack"], write("mine.yaml", LEAST)]
    known = replace(KNOWN_NAMES, metrics=gate_metrics())
    assert [recipe.source for recipe in load_recipes(files, known)] == [Path("float-xnnpack"), Path("mine.yaml")]


def test_a_wheel_has_the_data_in_the_package(tmp_path: Path) -> None:
    package = tmp_path / "installed" / "workbench"
    shutil.copytree(CHECKOUT / "workbench", package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(shipped_names()["int8-mixed"].parent, package / "shipped/recipes")
    for folder in (shipped_clips(), shipped_records()):
        assert folder.is_dir()
    code = "from workbench.recipe import *; print(find_recipe('findings/vulkan'), shipped_clips(), shipped_records())"
    printed = subprocess.run(
        [sys.executable, "-c", code],
        cwd=package.parent,
        env={"PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert printed.split() == [
        str(package / f"shipped/{path}") for path in ("recipes/findings/vulkan.yaml", "calib_audio", "records")
    ]
