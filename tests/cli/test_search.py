"""`search` without programs: all trials infeasible, and the extra that it needs."""

import sys
from pathlib import Path

import pytest

from tests.helpers.project import workbench

SPACE = """
base: int8-mixed
keys: {frontend_tolerance: {low: 0.001, high: 0.01}, lowering.toeplitz_block: [4, 8]}
layers: {encoder.first: [none, int8-dynamic]}
constraints: {deviation.pitch.p95_cents: <= 0.01}
trials: 3
"""
STUDY = tuple(f"workbench.workflows.search.{name}" for name in ("run", "finish", "outcome", "study"))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("s.yaml").write_text(SPACE)


def test_all_infeasible_exits_with_1_and_says_how_near_the_best_came(
    project: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("optuna")
    from tests.helpers.search import FakeEvaluator

    for name, fake in {"ProgramEvaluator": FakeEvaluator, "load_clips": lambda *_: [None], "prepare": None}.items():
        monkeypatch.setattr(f"workbench.workflows.search.run.{name}", fake or (lambda _: None))
    monkeypatch.setattr("workbench.workflows.search.run.check_space", lambda _: None)
    ran = workbench("search", "s.yaml", "--out", "o")
    assert ran.exit_code == 1, ran.stderr
    assert "deviation.pitch.p95_cents: no trial meets <= 0.01; the best has 0." in ran.stdout
    assert not list(Path("o").glob("*.yaml"))


def test_missing_extra_is_named(project: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    for module in STUDY:
        monkeypatch.delitem(sys.modules, module, raising=False)
    ran = workbench("search", "s.yaml", "--out", "o")
    assert (ran.exit_code, Path("o").exists()) == (2, False)
    assert ran.stderr.splitlines()[-1] == "error: optuna not installed: pip install 'pesto-workbench[search]'"
