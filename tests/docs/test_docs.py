"""The documents agree with the code: generated text, commands, recipes, links, paths and stored results."""

import json
import re
import shlex
import shutil
import tomllib
from pathlib import Path

import click
import pytest

import workbench
from tests.helpers.records.results import with_todays_defaults
from tools.docs.findings import FINDINGS
from tools.docs.reference.records_page import RECORD_FILES, keys_without_meaning
from tools.docs.regenerate import generated
from tools.docs.silence import derived, stored_rows
from tools.docs.stored import MEASURED, RECORDS, ROOT
from tools.docs.tables import printed_run
from workbench.audio.clip_catalog import ClipCatalog
from workbench.audit.gates import no_pitch_gate_reason
from workbench.audit.verdict import rejudge
from workbench.cli import main
from workbench.export.metadata import DISPLAY_THRESHOLD
from workbench.records.result import read_result
from workbench.report.columns import by_processor
from workbench.workflows.load_recipes import load_variants

PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
}
RESULTS = [path for path in sorted(RECORDS.glob("*/*.json")) if "verdict" in json.loads(path.read_text())]
COMMANDS = sorted(
    {
        line.removeprefix("$ ").split(" | ")[0].split(" > ")[0]
        for text in PAGES.values()
        for block in re.findall(r"```(?:sh|console)\n(.*?)```", text, flags=re.DOTALL)
        for line in block.splitlines()
        if line.removeprefix("$ ").startswith("workbench ")
    }
)
RECIPES = [
    block
    for text in PAGES.values()
    for block in re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)
    if "description:" in block
]
PLACES = r"`((?:workbench|tests|tools|recipes|docs)/[\w./@=,-]*\w/?)`"


@pytest.mark.parametrize("path", list(generated()), ids=lambda path: path.name)
def test_generated_files_are_current(path: Path) -> None:
    assert path.read_text() == generated()[path], "run `make docs`"


def test_readme_is_a_page() -> None:
    lines = PAGES["README.md"].splitlines()
    assert len(lines) <= 130
    assert set(printed_run().splitlines()[1:3]) <= set(lines), "the output in the README is that of the stored result"


@pytest.mark.parametrize("line", COMMANDS)
def test_command_in_a_page_parses(line: str) -> None:
    _, name, *words = shlex.split(line, comments=True)
    context = click.Context(main, info_name="workbench", **main.context_settings)
    command = main.get_command(context, name)
    assert command is not None
    if "--help" not in words:
        command.make_context(name, words, context)  # raises for an unknown option or a missing argument


def test_recipes_in_pages_are_valid(tmp_path: Path) -> None:
    """Each recipe is saved next to the shipped recipes that it extends."""
    for shipped in (ROOT / "recipes").glob("*.yaml"):
        shutil.copyfile(shipped, tmp_path / shipped.name)
    paths = [tmp_path / f"mine-{number}.yaml" for number, _ in enumerate(RECIPES)]
    for path, text in zip(paths, RECIPES, strict=True):
        path.write_text(text)
    variants = load_variants(paths, ClipCatalog(ROOT / "calib_audio"))
    assert {variant.source for variant in variants} == set(paths)
    assert len(paths) >= 4
    assert all(not no_pitch_gate_reason(variant.gates) for variant in variants)


def test_make_targets_in_pages_exist() -> None:
    named = set(re.findall(r"`make ([a-z-]+)`|^make ([a-z-]+)", "\n".join(PAGES.values()), flags=re.MULTILINE))
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert {name for pair in named for name in pair if name} <= targets


def test_layers_in_contributing_are_those_of_the_import_contract() -> None:
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    packages = [re.findall(r"workbench\.(\w+)", layer) for layer in contract["layers"]]
    (layers,) = re.findall(r"^    errors\b.*?cli$", PAGES["CONTRIBUTING.md"], flags=re.DOTALL | re.MULTILINE)
    stated = [re.findall(r"\w+", layer) for layer in layers.split("->")]
    assert [sorted(layer) for layer in reversed(stated)] == [sorted(layer) for layer in packages]


@pytest.mark.parametrize("name", PAGES)
def test_links_and_paths_in_a_page_exist(name: str) -> None:
    folder = (ROOT / name).parent
    prose = re.sub(r"```.*?```", "", PAGES[name], flags=re.DOTALL)
    links = [link for link in re.findall(r"\]\(([^)#]+)[^)]*\)", prose) if "://" not in link]
    assert [link for link in links if not (folder / link).exists()] == []
    assert [path for path in re.findall(PLACES, PAGES[name]) if not (ROOT / path).exists()] == []


def test_every_page_is_in_the_navigation() -> None:
    listed = set(re.findall(r": ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), flags=re.MULTILINE))
    assert {f"docs/{page}" for page in listed} == {page for page in PAGES if page.startswith("docs/")}


def test_page_of_the_api_has_every_name() -> None:
    listed = set(re.findall(r"^::: workbench\.(\w+)$", PAGES["docs/reference/api.md"], flags=re.MULTILINE))
    assert listed == set(workbench.__all__) - {"WorkbenchError"}


@pytest.mark.parametrize("file", RECORD_FILES)
def test_every_record_key_has_a_meaning(file: str) -> None:
    assert keys_without_meaning(RECORD_FILES[file][0]) == []


@pytest.mark.parametrize(("recipes", "results"), [("recipes", MEASURED), ("recipes/findings", FINDINGS)])
def test_shipped_recipes_are_valid_and_measured(recipes: str, results: Path) -> None:
    variants = load_variants([ROOT / recipes], ClipCatalog(ROOT / "calib_audio"))
    records = {path.stem: read_result(path) for path in results.glob("*.json")}
    assert {variant.name for variant in variants} == set(records)
    assert {variant.name: variant.resolved() for variant in variants} == {
        name: with_todays_defaults(record.recipe.resolved) for name, record in records.items()
    }, "a recipe changed since it was measured: run `make measured`"


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
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


def test_threshold_of_silence_is_the_derived_one() -> None:
    assert derived(stored_rows()) == DISPLAY_THRESHOLD


@pytest.mark.parametrize("path", sorted(RECORDS.rglob("*.json")), ids=lambda path: path.relative_to(RECORDS).as_posix())
def test_stored_records_name_no_folder_of_a_machine(path: Path) -> None:
    assert re.findall(r'["\s](?:/[\w.-]+/|[A-Z]:\\)[^"]*', path.read_text()) == []


def test_times_of_two_processors_are_in_two_tables() -> None:
    one, other = (read_result(MEASURED / f"{name}.json") for name in ("int8-mixed", "int8-fast"))
    other = other.replace(environment=other.environment.replace(cpu="another"))
    assert by_processor([one, other, one]) == [[one, one], [other]]
