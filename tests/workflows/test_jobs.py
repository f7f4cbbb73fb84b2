"""Variants that are built and scored at the same time are timed afterwards, and leave the same files as one job."""

import pickle
import signal
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.project import LEAST_RECIPE, workbench
from tests.helpers.variants import FakeSteps, variant_of
from workbench.errors import ProgramError, WorkbenchError, WorkerKilledError
from workbench.progress import Progress
from workbench.runtime.isolation import IsolatedProcess
from workbench.workflows.jobs.variants import Caches, score_on_workers
from workbench.workflows.jobs.workers import LocalWorkers, results_of
from workbench.workflows.run import RunFailure, run_variants
from workbench.workflows.variant import build
from workbench.workflows.variant.build_and_score import Ahead
from workbench.workflows.variant.run import Reused, RunOutcome


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
    found = list(
        run_variants(variants, tmp_path / "run", lambda _: nullcontext(Progress()), fresh, workers=LocalWorkers(2))
    )
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
    workers = LocalWorkers(1)
    scored = score_on_workers(
        variants, tmp_path / "run", workers, lambda _: nullcontext(Progress()), False, Caches(None, None)
    )
    assert scored == {"0": Ahead(), "2": Ahead()} and len(calls) == 3


@pytest.mark.parametrize("same_machine", [True, False])
def test_a_variant_that_fails_is_done_again_only_if_another_machine_did_it(
    same_machine: bool, tmp_path: Path, steps: FakeSteps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the folder of the run, and not the one that the worker has used."""

    def fail(path: Path, *_: object) -> None:
        steps.done.append("first run")
        raise ProgramError(f"{path}: has no kernel")

    monkeypatch.setattr(build, "trial_run", fail)
    monkeypatch.setattr(LocalWorkers, "share_caches", same_machine)
    variants = [variant_of(tmp_path) for _ in range(2)]
    for number, variant in enumerate(variants):
        object.__setattr__(variant.recipe, "name", str(number))
    found = run_variants(variants, tmp_path / "run", lambda _: nullcontext(Progress()), workers=LocalWorkers(2))
    for number, each in enumerate(found):
        assert isinstance(each, RunOutcome)
        reason = f"{tmp_path / 'run' / str(number) / 'program.pte'}: has no kernel"
        assert each.result.null_reasons["program"] == reason
        assert [path.name for path in each.folder.iterdir()] == ["result.json"]
    assert sorted(steps.done) == sorted(["export", "first run"] * 2 * (1 if same_machine else 2))


def test_a_killed_worker_is_replaced() -> None:
    with LocalWorkers(1) as workers:
        with pytest.raises(WorkerKilledError):
            workers.call(signal.raise_signal, signal.SIGKILL)
        assert workers.call(abs, -1) == 1


RECIPE = f"""{LEAST_RECIPE}
frontend: low-rank
frontend_tolerance: 0.03
lowering: {{toeplitz: block}}
matrix: {{lowering.toeplitz_block: [8, 16]}}
audio: {{score: [synthetic/score/sung]}}
speed: {{rounds: 3, chunks_per_round: 20}}
"""


@pytest.mark.nightly
@pytest.mark.parametrize("ways", [("--jobs", "2"), ("--scheduler", "cluster")], ids=" ".join)
@pytest.mark.parametrize("command", ["run small.yaml", "run one.yaml", "sweep one.yaml --chunk 320,640"])
def test_files_are_those_of_one_job(
    command: str, ways: tuple[str, str], project: Path, request: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two variants, one variant whose baseline is shared, and two points of a sweep."""
    (project / "small.yaml").write_text(RECIPE)
    (project / "one.yaml").write_text(RECIPE.replace("matrix:", "#"))
    if ways[0] == "--scheduler":
        ways = ways[0], request.getfixturevalue("cluster").scheduler_address
    for folder, words in (("1", ()), ("2", ways)):
        monkeypatch.setenv("WORKBENCH_CACHE", str(project / f"cache-{folder}"))
        done = workbench(*command.split(), "--fresh", "--out", folder, *words)
        assert done.exit_code in (0, 1, 3), done.stderr
    one, two = ({path.relative_to(n): path.read_bytes() for path in Path(n).rglob("*.[pn][tp][ez]")} for n in "12")
    assert len(one) >= 2 and one == two


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A Dask cluster of two processes."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as opened:
        yield opened


def test_a_cluster_loses_only_the_task_of_a_killed_process(cluster: Any) -> None:
    from workbench.workflows.jobs.cluster import ClusterWorkers

    with ClusterWorkers(cluster.scheduler_address) as workers:
        tasks = {
            "fine": lambda: workers.call(abs, -1),
            "wrong": lambda: workers.call(int, "x"),
            "killed": lambda: workers.call(signal.raise_signal, signal.SIGKILL),
        }
        with pytest.raises(ValueError, match="invalid literal"):
            tasks.pop("wrong")()
        found = dict(results_of(workers, tasks))
        assert workers.count == 2 and found["fine"] == 1 and isinstance(found["killed"], WorkerKilledError)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense"])
def test_a_cluster_that_cannot_be_reached(address: str) -> None:
    pytest.importorskip("distributed")
    from workbench.workflows.jobs.cluster import ClusterWorkers

    with pytest.raises(WorkbenchError, match=f"--scheduler {address}: cannot be reached"):
        ClusterWorkers(address)
