"""`build`: programs without scores, and programs rebuilt from results."""

import json
import re
from pathlib import Path

import pytest

from tests.cli.bad_input_cases import RECIPE
from tests.helpers.project import last_error, workbench
from tests.helpers.records.results import lost, replaced, stored
from workbench.audio.clip_catalog import ClipCatalog
from workbench.export.program_file import ProgramFile
from workbench.records.result import write_result
from workbench.workflows.load_recipes import load_variants
from workbench.workflows.variant import build as building

pytestmark = pytest.mark.usefixtures("folder")


@pytest.mark.slow
def test_build_reuses_and_repeats_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """Static int8, whose ranges come from the clips; a result with another hash is reported, here without lowering."""

    def export(_: object, path: Path, *__: object) -> ProgramFile:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return program

    source = Path("recipes/static.yaml")
    source.write_text(RECIPE + "frontend: grouped\nquantization: {parts: {encoder.narrow: int8-static}}\n")
    first = workbench("build", source, "--out", "programs")
    assert first.exit_code == 0
    monkeypatch.setattr(building, "trial_run", lambda *_: 1.0)  # the program ran once
    content = Path("programs/static/program.pte").read_bytes()
    line = rf"programs/static/program.pte  {len(content):,} bytes, loads in \d+ ms"
    assert re.fullmatch(line + "\n", first.stdout)
    again = workbench("build", source, "--out", "programs")
    assert re.fullmatch(line + ", unchanged: reused\n", again.stdout)

    program = ProgramFile.model_validate(json.loads(Path("programs/static/program.json").read_text())["program"])
    (recipe,) = load_variants([source], ClipCatalog(Path("calib_audio")))
    result = stored(renamed="static", recipe__resolved=recipe.resolved(), program=program)
    rebuilt = workbench("build", write_result(result, Path("run")), "--out", "again")
    assert rebuilt.exit_code == 0
    identical = f"  identical to the program of the result (sha256 {program.sha256[:12]}…)"
    assert rebuilt.stdout.splitlines()[1] == identical
    assert Path("again/static/program.pte").read_bytes() == content
    write_result(replaced(result, "program.sha256", "0" * 64), Path("run"))
    monkeypatch.setattr(building, "_export", export)
    different = workbench("build", "run/result.json", "--out", "once-more")
    assert different.exit_code == 1, different.output
    assert "NOT identical: sha256" in different.stdout


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ("a/result.json b/result.json", "b/result.json: has the name float-xnnpack, as a/result.json has; build them "),
        ("lost/result.json", "lost/result.json: the result has no program (it crashed); there is nothing to rebuild"),
        ("a/result.json", "again/float-xnnpack: has a result, whose program would be replaced; choose another --out"),
    ],
    ids=["same-name", "no-program", "in-the-way"],
)
def test_build_of_results_that_cannot_be_rebuilt(results: str, message: str) -> None:
    for name in ("a", "b", "again/float-xnnpack"):
        write_result(stored(), Path(name))
    write_result(lost(stored()), Path("lost"))
    built = workbench("build", *results.split(), "--out", "again")
    assert (built.exit_code, last_error(built).startswith(f"error: {message}")) == (2, True)
    assert not list(Path("again").rglob("program*"))
