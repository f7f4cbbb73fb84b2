"""A run that goes on where one of another recipe was killed: nothing of that one is taken for its own."""

import hashlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.helpers.results import stored
from workbench.export.program_cache import write_program_notes
from workbench.measure.speed import ColdStart
from workbench.progress import Progress
from workbench.records.frames import frames_path
from workbench.records.result import Scores
from workbench.records.resume import picture_path
from workbench.records.staging import staging_dir
from workbench.workflows.variant import run as pipeline
from workbench.workflows.variant.baseline import BaselineCache
from workbench.workflows.variant.build import Built


class Killed(BaseException):
    """In place of SIGKILL: nothing catches it."""


class Run:
    """The pipeline in one folder, with programs and frames made up of the recipe's name; killed at a step or not."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.kill_at = folder, ""
        monkeypatch.setattr(pipeline, "begin_result", lambda job: stored(fingerprint=job.fingerprint))
        monkeypatch.setattr(pipeline, "ProgramFrames", lambda *_: None)
        steps = {"build_in_staging": self.build, "score": self.score, "store_frames": self.store, "_time": self.timed}
        for step, made_up in steps.items():
            monkeypatch.setattr(pipeline, step, made_up)

    def __call__(self, name: str, program: str = "program.pte", kill_at: str = "") -> None:
        self.kill_at = kill_at
        job: Any = SimpleNamespace(
            fingerprint=name,
            program=program,
            recipe=SimpleNamespace(gates=(), scoring=SimpleNamespace(min_voiced_frames=1)),
            scored_clips=[SimpleNamespace(name="a")],
            stream=SimpleNamespace(dynamic=False),
            check_unchanged=lambda: None,
        )
        try:
            pipeline.run_variant(job, self.folder, Progress(), BaselineCache())
        except Killed:
            assert kill_at

    def build(self, job: Any, place: Path, *_: object) -> Built:
        place = staging_dir(place)
        content = job.program.encode()
        place.mkdir(exist_ok=True)
        (place / job.program).write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        program = stored().program.model_copy(update={"path": job.program, "sha256": sha256})  # type: ignore[union-attr]
        write_program_notes(place, job.fingerprint, program)
        return Built(program, ColdStart(1.0, 2.0, 3), "", reused=False)

    def score(self, *_: object) -> Any:
        record = stored()
        scores = Scores(**{name: getattr(record, name) for name in Scores.model_fields if name != "null_reasons"})
        return SimpleNamespace(scores=scores)

    def store(self, job: Any, scored: object, place: Path, *_: object) -> None:
        for path in (frames_path(place, "a"), picture_path(place, "a")):
            path.parent.mkdir(exist_ok=True)
            path.write_text(job.fingerprint)
        if self.kill_at == "score":
            raise Killed

    def timed(self, *_: object) -> Any:
        if self.kill_at == "timed":
            raise Killed
        return stored().speed


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    return Run(tmp_path / "variant", monkeypatch)


def test_scores_are_not_taken_for_those_of_another_s_frames(run: Run) -> None:
    run("first", kill_at="timed")
    run("second", kill_at="score")
    run("first")
    assert frames_path(run.folder, "a").read_text() == "first"
    assert picture_path(run.folder, "a").read_text() == "first"


def test_scores_of_the_same_are(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("first", kill_at="timed")
    monkeypatch.setattr(pipeline, "score", None)
    run("first")
    assert frames_path(run.folder, "a").read_text() == "first"


def test_another_s_program_does_not_move_in(run: Run) -> None:
    run("first", kill_at="score")
    (run.folder / ".making" / "program.npz").touch()
    run("second", "program.onnx")
    assert {path.name for path in run.folder.glob("program.*")} == {"program.onnx", "program.json"}
