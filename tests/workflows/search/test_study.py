"""A real study over a fake evaluator: resumed, shared by two workers of which one is killed, and its outcome."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("optuna")

from tests.helpers.search import FakeEvaluator
from tests.workflows.search.test_space import space_of
from workbench.errors import WorkbenchError
from workbench.progress import Progress
from workbench.workflows.search.evaluation import WorkerLostError
from workbench.workflows.search.outcome import front, nearest_misses, why, winner
from workbench.workflows.search.storage import file_storage, hidden_password
from workbench.workflows.search.study import Study

KEYS: dict[str, Any] = {
    "layers": {"encoder.first": ["none", "int8-weights"]},
    "constraints": {"deviation.pitch.p95_cents": "<= 1"},
}


def run(folder: Path, evaluate: Any, **keys: Any) -> Study:
    study = Study(space_of(folder, **{**KEYS, **keys}), file_storage(folder))
    study.run(evaluate, Progress())
    return study


def test_search_finds_the_best_and_says_why(tmp_path: Path) -> None:
    study = run(tmp_path, FakeEvaluator(), trials=15)
    trials = study.trials()
    assert len(trials) == 15
    assert trials[0].parameters["frontend_tolerance"] == 5e-4, "the base recipe is the first trial"
    best = winner(study.space, trials)
    assert best and best.parameters["lowering.toeplitz_block"] == "4" and best.parameters["encoder.first"] == "none"
    assert best.metrics["deviation.pitch.p95_cents"] <= 1
    assert {trial.outcome for trial in trials} >= {"feasible", "infeasible"}
    lines = why(study.space, trials, best)
    assert f"trial {best.number}: program.bytes" in lines[0] and "the next best" in lines[1] and "to spare" in lines[2]
    assert sum(study.importance().values()) == pytest.approx(1)


def test_two_objectives_give_a_front(tmp_path: Path) -> None:
    study = run(tmp_path, FakeEvaluator(), trials=20, objective="both")
    unbeaten = front(study.space, study.trials())
    blocks = [trial.parameters["lowering.toeplitz_block"] for trial in unbeaten]
    assert len(set(blocks)) > 1
    assert winner(study.space, study.trials()) in unbeaten


def test_interrupted_trial_is_tried_again_and_the_rest_is_the_same(tmp_path: Path) -> None:
    class Interrupted(FakeEvaluator):
        def __call__(self, *arguments: Any) -> Any:
            if len(self.numbers) == 3:
                raise KeyboardInterrupt
            return super().__call__(*arguments)

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Interrupted(), trials=6)
    (dead,) = Study(space_of(tmp_path, **KEYS, trials=6), file_storage(tmp_path))._study.get_trials()[3:4]
    resumed = FakeEvaluator()
    trials = run(tmp_path, resumed, trials=6).trials()
    assert len(trials) == 6 and len(resumed.numbers) == 3
    tolerance = float(f"{dead.params['frontend_tolerance']:.4g}")
    assert {**dead.params, "frontend_tolerance": tolerance} in [dict(trial.parameters) for trial in trials]


@pytest.mark.parametrize(("losses", "failed"), [(1, 0), (9, 1)])
def test_trial_of_a_lost_worker_is_tried_again(losses: int, failed: int, tmp_path: Path) -> None:
    class Losing(FakeEvaluator):
        lost = 0

        def __call__(self, choices: Any, *rest: Any) -> Any:
            if self.lost < losses and choices.keys["frontend_tolerance"] == 5e-4:  # the first trial's
                self.lost += 1
                raise WorkerLostError("killed")
            return super().__call__(choices, *rest)

    study = run(tmp_path, Losing(), trials=4)
    trials = study.trials()
    assert [trial.outcome for trial in trials].count("failed") == failed and len(trials) == 4
    assert 5e-4 in [trial.parameters["frontend_tolerance"] for trial in trials]
    assert len(study._study.get_trials()) == 4 + min(losses, 2)


def test_infeasible_search_says_how_near_it_came(tmp_path: Path) -> None:
    study = run(tmp_path, FakeEvaluator(), trials=4, constraints={"deviation.pitch.p95_cents": "<= 0.01"})
    assert winner(study.space, study.trials()) is None
    (line,) = nearest_misses(study.space, study.trials())
    assert line.startswith("deviation.pitch.p95_cents: no trial meets <= 0.01; the best has 0.1")


@pytest.mark.parametrize(
    ("storage", "message"),
    [
        ("postgresql://me:secret@localhost:9/x", "--storage postgresql://me@localhost:9/x: cannot be used"),
        ("nonsense", "--storage nonsense: cannot be used"),
        ("sqlite:////no/such/folder/x.db", "cannot be used"),
    ],
)
def test_unusable_storage(storage: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError) as raised:
        Study(space_of(tmp_path), storage)
    assert message in str(raised.value) and "secret" not in str(raised.value)


def test_storage_with_another_space(tmp_path: Path) -> None:
    run(tmp_path, FakeEvaluator(), trials=1)
    with pytest.raises(WorkbenchError, match="has the study s of another space; choose another --storage or --out"):
        run(tmp_path, FakeEvaluator(), trials=1, seed=3)
    assert hidden_password("sqlite:///a.db") == "sqlite:///a.db"


def kill_one_of_two(folder: Path, storage: str) -> None:
    """Two workers share a study, one is killed in a trial: all trials are done, and none is left running."""
    study = Study(space_of(folder, **KEYS, trials=12), storage, grace_s=3)
    words = ["-m", "tests.helpers.search", folder / "s.yaml", folder / "calib_audio", storage, "3"]

    def join(seconds: str) -> "subprocess.Popen[bytes]":
        worker = subprocess.Popen([sys.executable, *map(str, words), seconds], stdout=subprocess.PIPE)
        assert worker.stdout and worker.stdout.readline() == b"joined\n"
        return worker

    first = join("60")
    while not study._study.get_trials():  # the first trial is of the worker that is killed
        time.sleep(0.1)
    second = join("0.2")
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    study.run(FakeEvaluator(), Progress())
    assert second.wait(60) == 0
    states = [trial.state.name for trial in study._study.get_trials()]
    assert "RUNNING" not in states and states.count("COMPLETE") + states.count("PRUNED") >= 12
    assert "FAIL" in states


def test_two_workers_one_killed(tmp_path: Path) -> None:
    kill_one_of_two(tmp_path, file_storage(tmp_path))


def test_workers_that_start_together_share_a_new_database(tmp_path: Path) -> None:
    space = space_of(tmp_path, trials=5)
    with ThreadPoolExecutor(4) as threads:
        studies = list(threads.map(lambda _: Study(space, file_storage(tmp_path)), range(4)))
        assert len({study._study._study_id for study in studies}) == 1
        evaluate = FakeEvaluator(0.05)
        list(threads.map(lambda study: study.run(evaluate, Progress()), studies))
    assert len(studies[0].trials()) == 5 and sorted(evaluate.numbers) == list(range(5)), "not one trial more"


@pytest.fixture
def postgresql(tmp_path: Path) -> Iterator[str]:
    """The URL of a database on a new server."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    found = shutil.which("initdb", path=os.pathsep.join([*map(str, folders), os.environ["PATH"], "/usr/local/bin"]))
    if found is None:
        pytest.skip("no PostgreSQL server is installed")
    binaries = Path(found).resolve().parent
    user = {"user": "nobody"} if os.geteuid() == 0 else {}  # the server refuses to run as root
    folder = Path(f"/tmp/workbench-postgresql-{os.getpid()}")
    folder.mkdir()
    if user:
        shutil.chown(folder, "nobody")
    log = folder / "log"

    def call(*words: object) -> None:
        subprocess.run([str(word) for word in words], check=True, cwd=folder, stdout=subprocess.DEVNULL, **user)  # type: ignore[call-overload]

    try:
        call(binaries / "initdb", "-D", folder / "data", "-U", "me", "-A", "trust")
        options = f"-c listen_addresses='' -c unix_socket_directories={folder}"
        call(binaries / "pg_ctl", "-D", folder / "data", "-l", log, "-w", "-o", options, "start")
        yield f"postgresql://me@/postgres?host={folder}"
        call(binaries / "pg_ctl", "-D", folder / "data", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.nightly
def test_two_workers_one_killed_on_postgresql(tmp_path: Path, postgresql: str) -> None:
    kill_one_of_two(tmp_path, postgresql)
