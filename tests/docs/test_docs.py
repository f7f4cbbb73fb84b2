"""The documents agree with the code: generated text, commands, recipes, links and stored results."""

import json
import re
import shlex
import shutil
import tomllib
from pathlib import Path

import click
import pytest

from tests.helpers.results import with_todays_defaults
from tools.docs.regenerate import MEASURED, ROOT, generated
from workbench.audio.corpus import Corpus
from workbench.audit.gates import no_pitch_gate_reason
from workbench.audit.verdict import rejudge
from workbench.cli import main
from workbench.records.result import read_result
from workbench.workflows.load_recipes import load_variants

README = (ROOT / "README.md").read_text()
RECORDS = [path for path in sorted((ROOT / "docs").glob("*/*.json")) if "verdict" in json.loads(path.read_text())]
COMMANDS = [
    line.removeprefix("$ ").split(" | ")[0].split(" > ")[0]
    for block in re.findall(r"```(?:sh|console)\n(.*?)```", README, flags=re.DOTALL)
    for line in block.splitlines()
    if line.removeprefix("$ ").startswith("workbench ")
]
RECIPES = re.findall(r"```yaml\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.parametrize("path", list(generated()), ids=lambda path: path.name)
def test_generated_files_are_current(path: Path) -> None:
    assert path.read_text() == generated()[path], "run `make docs`"


def test_readme_has_commands() -> None:
    assert len(COMMANDS) >= 8


@pytest.mark.parametrize("line", COMMANDS)
def test_readme_command_parses(line: str) -> None:
    _, name, *words = shlex.split(line, comments=True)
    context = click.Context(main, info_name="workbench", **main.context_settings)
    command = main.get_command(context, name)
    assert command is not None
    if "--help" not in words:
        command.make_context(name, words, context)  # raises for an unknown option or a missing argument


def test_readme_recipes_are_valid(tmp_path: Path) -> None:
    """Each recipe is saved next to the shipped recipes that it extends."""
    for shipped in (ROOT / "recipes").glob("*.yaml"):
        shutil.copyfile(shipped, tmp_path / shipped.name)
    paths = [tmp_path / f"mine-{at}.yaml" for at, _ in enumerate(RECIPES)]
    for path, text in zip(paths, RECIPES, strict=True):
        path.write_text(text)
    variants = load_variants(paths, Corpus(ROOT / "calib_audio"))
    assert {variant.source for variant in variants} == set(paths) and len(paths) >= 4
    assert all(not no_pitch_gate_reason(variant.gates) for variant in variants)


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\bmake ([a-z-]+)", README))))
def test_readme_make_target_exists(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)


def test_readme_layers_are_those_of_the_import_contract() -> None:
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    packages = [re.findall(r"workbench\.(\w+)", layer) for layer in contract["layers"]]
    (layers,) = re.findall(r"^    errors, .*?-> cli$", README, flags=re.DOTALL | re.MULTILINE)
    stated = [re.findall(r"\w+", layer) for layer in layers.split("->")]
    assert [sorted(layer) for layer in reversed(stated)] == [sorted(layer) for layer in packages]


def test_readme_links_exist() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_shipped_recipes_are_valid_and_measured() -> None:
    variants = load_variants([ROOT / "recipes"], Corpus(ROOT / "calib_audio"))
    records = {path.stem: read_result(path) for path in MEASURED.glob("*.json")}
    assert {variant.name for variant in variants} == set(records)
    assert {variant.name: variant.resolved() for variant in variants} == {
        name: with_todays_defaults(record.recipe.resolved) for name, record in records.items()
    }, "a recipe changed since it was measured: run `make measured`"


def test_results_are_stored() -> None:
    assert {path.parent.name for path in RECORDS} == {"measured", "findings"}


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_stored_verdict_follows_the_current_rules(path: Path) -> None:
    record = read_result(path)
    judged = rejudge(record, {})
    assert (judged.verdict, judged.reasons) == (record.verdict, record.reasons), "run `make docs`"


def test_unfair_picture_is_of_the_same_program() -> None:
    fair, unfair = (read_result(MEASURED / f"{name}.json").program for name in ("float-xnnpack", "unfair"))
    assert fair is not None and unfair is not None
    assert fair.sha256 == unfair.sha256


def test_int8_results_have_the_schemes_of_their_names() -> None:
    def schemes(name: str) -> dict[str, str]:
        program = read_result(MEASURED / f"{name}.json").program
        assert program is not None
        return {layer: scheme for layer, scheme in program.schemes.items() if scheme != "none"}

    assert set(schemes("int8-dynamic").values()) == {"dynamic"}
    assert set(schemes("int8-static").values()) == {"static"}
    assert {layer.split(".")[1] for layer in schemes("int8-static")} == {"prefilter", "narrow"}
    assert set(schemes("int8-mixed").values()) == {"dynamic"}
    assert {layer.split(".")[1] for layer in schemes("int8-mixed")} == {"first", "prefilter"}
    assert {layer.split(".")[1] for layer in schemes("int8-dynamic")} == {"first", "prefilter", "narrow", "toeplitz"}
