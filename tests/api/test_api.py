"""The Python API: every example in its documentation runs, and a wrong call raises the command's typed error."""

import doctest
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile
from ruamel.yaml import YAML

import workbench
from workbench.audio import ClipCatalog
from workbench.errors import AudioError, ProgramError, RecipeError
from workbench.recipe import Recipe
from workbench.workflows.variant import build

ROOT = Path(__file__).parents[2]
IN_ORDER = ("load_recipe", "build", "run", "score", "load_program", "load_baseline", "track", "load_result", "compare")


def test_every_name_has_an_example() -> None:
    assert sorted([*IN_ORDER, "WorkbenchError"]) == sorted(workbench.__all__)
    for name in IN_ORDER:
        assert ">>> " in (getattr(workbench, name).__doc__ or ""), name


@pytest.fixture
def shipped(project: Path) -> Path:
    """Two clips of the shipped manifest and a recording, as the current folder."""
    manifest = YAML().load(ROOT / "calib_audio" / "manifest.yaml")
    kept = {"calibrate": ["phrase-mezzo"], "score": ["phrase-alto"]}
    for role, names in kept.items():
        manifest[role] = [entry for entry in manifest[role] if entry["name"] in names]
    YAML().dump(manifest, project / "calib_audio" / "manifest.yaml")
    take = ClipCatalog(project / "calib_audio").read("synthetic/score/phrase-alto", 48_000)
    soundfile.write(project / "take.wav", take.samples, take.sample_rate_hz)
    return project


@pytest.mark.slow
@pytest.mark.usefixtures("shipped")
def test_examples_run_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "trial_run", lambda *_: 1.0)  # the program is scored below
    names: dict[str, Any] = {"workbench": workbench}
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(verbose=False)
    for name in IN_ORDER:
        example = parser.get_doctest(getattr(workbench, name).__doc__ or "", names, name, None, None)
        report: list[str] = []
        assert runner.run(example, out=report.append, clear_globs=False).failed == 0, "".join(report)
        names |= example.globs


@pytest.fixture
def recipe(project: Path) -> Recipe:
    return workbench.load_recipe(project / "least.yaml")


@pytest.mark.parametrize(
    ("call", "error", "key"),
    [
        (lambda _: workbench.load_recipe("nosuch.yaml"), RecipeError, "nosuch.yaml"),
        (lambda _: workbench.load_result("nosuch.json"), workbench.WorkbenchError, "nosuch.json"),
        (lambda _: workbench.load_program("nosuch.pte"), ProgramError, "nosuch.pte"),
        (lambda _: workbench.track("nosuch.wav", "least.yaml"), AudioError, "nosuch.wav"),
        (lambda _: workbench.compare("nosuch", "least.yaml"), workbench.WorkbenchError, "nosuch"),
        (lambda recipe: workbench.run(recipe, "o", audio="nosuch.wav"), AudioError, "nosuch.wav"),
        (lambda recipe: workbench.score(recipe, ["nosuch.csv"], "o"), workbench.WorkbenchError, "nosuch.csv"),
        (lambda recipe: workbench.build(_changed(recipe, mirror=2.0), "o"), RecipeError, "least.yaml: mirror"),
        (lambda recipe: workbench.run(_changed(recipe, checkpoint="nosuch"), "o"), RecipeError, "checkpoint"),
        (lambda recipe: workbench.load_baseline(_changed(recipe, chunk_samples="x")), RecipeError, "chunk_samples"),
        (lambda recipe: workbench.build(_changed(recipe, name="../up"), "o"), RecipeError, "folder name"),
        (lambda _: workbench.build("least.yaml", "o"), RecipeError, "load_recipe"),
    ],
)
def test_wrong_call_raises_a_typed_error(
    recipe: Recipe, call: Callable[[Recipe], object], error: type[Exception], key: str
) -> None:
    with pytest.raises(error, match=key):
        call(recipe)
    assert not Path("o").exists()


def _changed(recipe: Recipe, **keys: object) -> Recipe:
    return recipe.model_copy(update=keys)
