"""Variants that are built and scored at the same time are timed afterwards, and leave the same files as one job."""

import pickle
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.project import LEAST_RECIPE, workbench
from tests.helpers.variants import FakeSteps, variant_of
from workbench.errors import WorkerKilledError
from workbench.progress import Progress
from workbench.runtime.isolation import IsolatedProcess
from workbench.workflows.jobs import score_in_parallel
from workbench.workflows.run import RunFailure, run_variants
from workbench.workflows.variant.run import Reused


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> FakeSteps:
    """Runs what belongs to a child process in this one."""
    monkeypatch.setattr(pickle, "loads", lambda variant: variant)
    monkeypatch.setattr(pickle, "dumps", lambda variant: variant)
    monkeypatch.setattr(IsolatedProcess, "call", lambda _, function, *arguments: function(*arguments))
    return FakeSteps(monkeypatch)


@pytest.mark.parametrize("fresh", [False, True])
def test_all_are_scored_before_the_first_is_timed(fresh: bool, tmp_path: Path, steps: FakeSteps) -> None:
    first = variant_of(tmp_path)
    variants = [first, variant_of(tmp_path, scoring={"voiced_confidence": 0.7})]
    object.__setattr__(variants[1].recipe, "name", "other")
    found = list(run_variants(variants, tmp_path / "run", lambda _: nullcontext(Progress()), fresh, jobs=2))
    assert not [each for each in found if isinstance(each, RunFailure)]
    assert sorted(steps.done[:4]) == ["export", "export", "score", "score"]
    assert steps.done[4:] == ["time", "time"]
    assert [each.reused for each in found] == [Reused.NOTHING] * 2  # type: ignore[union-attr]


def test_a_worker_that_dies_loses_only_its_variant(
    tmp_path: Path, steps: FakeSteps, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []

    def call(_: object, function: Any, variant: Any, *arguments: Any) -> Any:
        calls.append(variant)
        if len(calls) == 2:
            raise WorkerKilledError("killed")
        return function(variant, *arguments)

    monkeypatch.setattr(IsolatedProcess, "call", call)
    variants = [variant_of(tmp_path) for _ in range(3)]
    for number, variant in enumerate(variants):
        object.__setattr__(variant.recipe, "name", str(number))
    scored = score_in_parallel(variants, tmp_path / "run", 1, Progress(), False, None, None)
    assert scored == {"0": False, "2": False} and len(calls) == 3


@pytest.mark.nightly
def test_two_jobs_leave_the_files_of_one(project: Path) -> None:
    recipe = f"{LEAST_RECIPE}frontend: low-rank\nfrontend_tolerance: 0.03\nlowering: {{toeplitz: block}}\n"
    recipe += "matrix: {lowering.toeplitz_block: [8, 16]}\naudio: {score: [synthetic/score/sung]}\n"
    recipe += "speed: {rounds: 3, chunks_per_round: 20}\n"
    (project / "small.yaml").write_text(recipe)
    for jobs in (1, 2):
        done = workbench("run", "small.yaml", "--fresh", "--jobs", str(jobs), "--out", f"{jobs}")
        assert done.exit_code in (0, 1, 3), done.stderr
    one, two = (sorted(Path(jobs).rglob("*.pte")) + sorted(Path(jobs).rglob("*.npz")) for jobs in "12")
    assert len(one) == 4
    assert [path.relative_to("1") for path in one] == [path.relative_to("2") for path in two]
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]
