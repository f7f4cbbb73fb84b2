"""A real search of a few trials: the found recipe rebuilds the same bytes, and only the winner is scored."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

pytest.importorskip("optuna")

from tests.helpers.project import workbench
from tests.workflows.sensitivity.test_sensitivity import SMALL
from workbench.records.search.trials import Search

SPACE = """
base: small.yaml
keys: {frontend_tolerance: {low: 1.0e-2, high: 5.0e-2, log: true}, lowering.toeplitz_block: [8, 16]}
layers: {encoder.first: [none, int8-weights, int8-dynamic], encoder.prefilter.*.frequency.>=1: [none, int4-weights]}
constraints: {deviation.pitch.p95_cents: <= 400, program.bytes: <= 1 MB}
first_stage: {seconds: 1}
trials: 2
"""


@pytest.mark.nightly
def test_real_search(project: Path) -> None:
    (project / "small.yaml").write_text(SMALL)
    (project / "s.yaml").write_text(SPACE)
    printed = workbench("search", "s.yaml", "--out", "here", "--json", "--jobs", "2")
    assert printed.exit_code == 0, printed.stderr
    search = Search.model_validate_json(Path("here/search.json").read_bytes())
    assert json.loads(printed.stdout)["winner"] == search.winner
    assert len(search.trials) == 2 and search.search is not None
    sizes = [trial.metrics["program.bytes"] for trial in search.trials if trial.outcome == "feasible"]
    found = search.recipes[0]
    assert found.program_bytes == min(sizes)
    assert (search.search.calibration.clips, search.search.scoring.clips) == (1, 1)
    assert search.search.calibration.frames != search.search.scoring.frames
    page = Path("here/search.html").read_text()
    assert f"Why trial {search.winner} won" in page and "data:image/png" in page
    rebuilt = workbench("build", f"here/{found.file}", "--out", "again", "--fresh")
    assert rebuilt.exit_code == 0, rebuilt.stderr
    (program,) = Path("again").rglob("program.pte")
    assert sha256(program.read_bytes()).hexdigest() == found.program_sha256
    again = workbench("search", "s.yaml", "--out", "here")
    assert again.exit_code == 0 and "gap:" in again.stdout and f"trial {search.winner}: " in again.stdout

    (project / "t.yaml").write_text(SPACE.replace("p95_cents: <= 400", "p95_cents: <= 1e-6"))
    failed = workbench("search", "t.yaml", "--out", "there")
    assert failed.exit_code == 1, "every trial ends in the simulation"
    assert "deviation.pitch.p95_cents: no trial meets <= 1e-06; the best has" in failed.stdout


@pytest.mark.nightly
def test_real_search_for_the_fastest_ends_with_a_final(project: Path) -> None:
    (project / "small.yaml").write_text(SMALL)
    (project / "f.yaml").write_text(SPACE.replace("constraints:", "objective: fastest\nconstraints:"))
    printed = workbench("search", "f.yaml", "--out", "here", "--json")
    assert printed.exit_code == 0, printed.stderr
    search = Search.model_validate_json(Path("here/search.json").read_bytes())
    assert search.winner == search.final[0].trial and search.final[0].over_winner.p50 == 1
    assert {each.trial for each in search.final} == {trial.number for trial in search.trials}
    again = workbench("search", "f.yaml", "--out", "here")
    assert again.exit_code == 0 and "time / winner's" in again.stdout
    assert Search.model_validate_json(Path("here/search.json").read_bytes()).final == search.final, "not timed again"
