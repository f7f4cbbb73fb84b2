"""`new`: the recipe that it writes is the one that it extends, also with every key uncommented."""

import re
from pathlib import Path

import pytest

from tests.helpers.project import last_error, workbench
from workbench.audio.clip_catalog import ClipCatalog
from workbench.recipe import Recipe, shipped_clips, shipped_names
from workbench.workflows.load_recipes import load_variants
from workbench.workflows.new_recipe import write_new_recipe

CATALOG = ClipCatalog(shipped_clips())
SHIPPED = [name for name in shipped_names() if "/" not in name]


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def keys(recipe: Recipe) -> dict[str, object]:
    return {key: value for key, value in recipe.resolved().items() if key != "description"}


@pytest.mark.parametrize("base", SHIPPED)
def test_new_recipe_is_the_one_that_it_extends(base: str) -> None:
    write_new_recipe(Path("my.yaml"), base, CATALOG)
    extended = load_variants([base], CATALOG)
    assert [keys(recipe) for recipe in load_variants(["my.yaml"], CATALOG)] == [keys(recipe) for recipe in extended]
    text = Path("my.yaml").read_text()
    assert len(text.splitlines()) <= 75
    uncommented = re.sub(r"^# (?=( {2})?[\w.]+: *)", "", text, flags=re.MULTILINE)
    assert sum(line.startswith(("#", " #")) for line in uncommented.splitlines()) <= 7, "every key is uncommented"
    Path("all.yaml").write_text(uncommented)
    (every_key,) = load_variants(["all.yaml"], CATALOG)
    assert keys(every_key) == keys(extended[0])


def test_own_recipe_is_extended_by_its_path() -> None:
    Path("base.yaml").write_text("extends: int8-mixed\ndescription: A\nmirror: 0.5\n")
    Path("sub").mkdir()
    written = workbench("new", "sub/int8-mixed.yaml", "--from", "base.yaml")
    assert (written.exit_code, written.stderr) == (0, "")
    assert "extends: ../base.yaml\n" in Path("sub/int8-mixed.yaml").read_text()
    assert workbench("check", "sub/int8-mixed.yaml").stdout == "int8-mixed: ok\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("my.txt", "my.txt: a recipe ends in .yaml; write my.txt.yaml"),
        ("folder.yaml --overwrite", "folder.yaml: is a folder; choose another name"),
        ("my.yaml --from findings", "--from findings: is a folder; name one recipe"),
        ("old.yaml --from old.yaml --overwrite", "old.yaml: cannot extend itself; choose another name"),
        ("my.yaml --from float-band", "my.yaml: extends: float-band would mean float-band.yaml; choose another folder"),
    ],
)
def test_what_new_refuses(words: str, message: str) -> None:
    Path("folder.yaml").mkdir()
    for name in ("old.yaml", "float-band.yaml"):
        Path(name).write_text("extends: int8-mixed\ndescription: A\n")
    before = sorted(Path().iterdir())
    refused = workbench("new", *words.split())
    assert (refused.exit_code, last_error(refused)) == (2, f"error: {message}")
    assert sorted(Path().iterdir()) == before and len(Path("old.yaml").read_text()) < 50


def test_overwrite_replaces_a_recipe() -> None:
    Path("old.yaml").write_text("")
    assert workbench("new", "old.yaml", "--overwrite").exit_code == 0
    assert "extends: float-xnnpack\n" in Path("old.yaml").read_text()
