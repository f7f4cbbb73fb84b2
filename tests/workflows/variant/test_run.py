"""One variant: what a second run reuses and repeats, what a kill leaves, and which errors are results that fail."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.variants import CLIPS, FakeSteps, files, variant_of, visible_files
from workbench.errors import ChangedError, LoweringError, NotInstalledError, ProgramError, WorkbenchError
from workbench.progress import Progress
from workbench.records.frames.stored import frames_path
from workbench.records.result import Result, read_result, write_result
from workbench.records.run_folders import archived_results
from workbench.storage.locks import exclusive
from workbench.workflows.variant.baseline import BaselineCache
from workbench.workflows.variant.run import Reused, RunOutcome, run_variant

MEASURED = ("program", "deviation", "floor", "truth", "speed")
ALL, SCORED, TIMED, NOTHING = ["export", "score", "time"], ["score", "time"], ["time"], list[str]()
CONFIDENCE: dict[str, Any] = {"scoring": {"voiced_confidence": 0.7}}
Run = Callable[..., RunOutcome]


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> FakeSteps:
    return FakeSteps(monkeypatch)


@pytest.fixture
def run(tmp_path: Path, steps: FakeSteps) -> Run:
    """(folder=None, fresh=False, **keys) -> the outcome of the variant with these keys, in `folder`."""

    def run(folder: Path | None = None, fresh: bool = False, **keys: object) -> RunOutcome:
        variant = variant_of(tmp_path / "recipes", **keys)
        return run_variant(variant, folder or tmp_path / "run" / "test", Progress(), BaselineCache(), fresh)

    return run


@pytest.fixture
def folder(run: Run, steps: FakeSteps) -> Path:
    """The folder of a finished run."""
    outcome = run()
    assert (outcome.result.verdict, outcome.result.reasons, outcome.reused) == ("pass", (), Reused.NOTHING)
    assert steps.take_done() == ALL
    return outcome.folder


def busy(folder: Path) -> Result:
    """Stores the result as a run on a busy machine would have left it."""
    result = read_result(folder / "result.json")
    assert result.speed is not None
    wide = result.speed.replace(speedup_low=1.0, speedup_high=2.5)
    doubted = result.replace(speed=wide, verdict="inconclusive", reasons=("busy",))
    write_result(doubted, folder)
    return doubted


# --- what a second run reuses


@pytest.mark.parametrize(
    ("keys", "reused", "repeated", "verdict"),
    [
        ({}, Reused.RESULT, NOTHING, "pass"),
        ({"description": "Other words"}, Reused.FIGURES, NOTHING, "pass"),
        ({"gates": {}}, Reused.FIGURES, NOTHING, "inconclusive"),
        ({"gates": {"deviation.frames": "<= 3"}}, Reused.FIGURES, NOTHING, "fail"),
        ({"scoring": {"min_voiced_frames": 9000}}, Reused.FIGURES, NOTHING, "inconclusive"),
        (CONFIDENCE, Reused.PROGRAM, SCORED, "pass"),
        ({"audio": {"score": [CLIPS[0]]}}, Reused.PROGRAM, SCORED, "pass"),
        ({"mirror": 0.5}, Reused.NOTHING, ALL, "pass"),
        ({"fresh": True}, Reused.NOTHING, ALL, "pass"),
    ],
    ids=["nothing", "description", "no gates", "gates", "voiced frames", "confidence", "clips", "mirror", "fresh"],
)
def test_run_repeats_only_what_a_change_concerns(
    keys: dict[str, Any], reused: Reused, repeated: list[str], verdict: str, folder: Path, run: Run, steps: FakeSteps
) -> None:
    before, created = files(folder), read_result(folder / "result.json").created
    outcome = run(**keys)
    assert (outcome.reused, outcome.result.verdict, steps.take_done()) == (reused, verdict, repeated)
    assert read_result(folder / "result.json") == outcome.result
    assert (files(folder) == before) == (reused is Reused.RESULT)
    if repeated and outcome.archived:
        (archived,) = outcome.archived
        assert archived.read_bytes() == before["result.json"]
        assert archived.name == f"result-{created.replace('-', '').replace(':', '').replace('T', '-')[:15]}.json"
    again = run(**{key: value for key, value in keys.items() if key != "fresh"})
    assert (again.result, again.reused, steps.take_done()) == (outcome.result, Reused.RESULT, NOTHING)


@pytest.mark.parametrize("name", ["result.json", f"pictures/{CLIPS[0]}.png", f"frames/{CLIPS[1]}.npz", "program.pte"])
def test_run_repeats_what_is_lost(name: str, folder: Path, run: Run, steps: FakeSteps) -> None:
    (folder / name).unlink()
    if name == "result.json":
        (folder / name).write_text("{}")
    assert run().result == read_result(folder / "result.json")
    assert steps.take_done() == (ALL if name == "program.pte" else SCORED)
    assert (folder / name).exists()


def test_rules_of_another_version_are_judged_again(folder: Path, run: Run) -> None:
    """The source of the verdict is not in the fingerprint."""
    passed, others = read_result(folder / "result.json"), files(folder)
    write_result(passed.replace(verdict="fail", reasons=("a rule",)), folder)
    outcome = run()
    assert (outcome.previous_verdict, outcome.result) == ("fail", passed)
    assert files(folder) == others


def test_inconclusive_timing_is_repeated_alone(folder: Path, run: Run, steps: FakeSteps) -> None:
    before, others = read_result(folder / "result.json"), files(folder)
    doubted = busy(folder)
    outcome = run()
    assert (outcome.reused, outcome.result.verdict, steps.take_done()) == (Reused.SCORES, "pass", TIMED)
    timing = {"created", "environment", "seconds", "reasons", "gates"}
    assert outcome.result.model_dump(exclude=timing) == before.model_dump(exclude=timing)
    (archived,) = archived_results(folder)
    assert read_result(archived) == doubted
    changed = {"result.json": (folder / "result.json").read_bytes(), archived.name: archived.read_bytes()}
    assert files(folder) == {**others, **changed}


# --- stopped at any moment


def test_full_disk_changes_nothing_and_run_resumes(
    folder: Path, tmp_path: Path, run: Run, steps: FakeSteps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every write in turn. The scores are repeated only if they were not complete."""
    writes, flush = 0, os.fsync
    while True:
        target = Path(shutil.copytree(folder, tmp_path / f"after {writes}" / "test"))
        before, left = files(target), writes

        def fsync(handle: int) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise OSError(28, "No space left on device")
            flush(handle)

        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", fsync)
            try:
                run(target, **CONFIDENCE)
            except OSError as error:
                assert error.filename.startswith(str(target / ".making"))
            else:
                break
        assert visible_files(target) == before
        was_scored = (target / ".making" / "scores.json").exists()
        steps.take_done()
        outcome = run(target, **CONFIDENCE)
        assert (outcome.result.verdict, outcome.reused) == ("pass", Reused.PROGRAM)
        assert steps.take_done() == (TIMED if was_scored else SCORED)
        assert not list(target.glob(".*"))
        writes += 1
    assert writes > 10


class Killed(BaseException):
    """In place of SIGKILL: nothing catches it."""


def killed(steps: FakeSteps, step: str, run: Run, **keys: object) -> None:
    """A run that is killed in a step."""
    steps.errors[step] = Killed()
    with pytest.raises(Killed):
        run(**keys)
    del steps.errors[step]
    steps.take_done()


@pytest.mark.parametrize(("keys", "repeated"), [({}, TIMED), (CONFIDENCE, SCORED)], ids=["same keys", "other keys"])
def test_scores_of_a_killed_run_are_reused(
    keys: dict[str, Any], repeated: list[str], tmp_path: Path, run: Run, steps: FakeSteps
) -> None:
    killed(steps, "time", run)
    assert [path.name for path in (tmp_path / "run" / "test").iterdir()] == [".making"]
    outcome = run(**keys)
    assert (outcome.reused, steps.take_done()) == (Reused.PROGRAM, repeated)
    assert set(outcome.result.seconds) == {"build", "score", "pictures", "speed"}


def test_files_of_a_killed_run_with_other_keys_are_not_kept(tmp_path: Path, run: Run, steps: FakeSteps) -> None:
    killed(steps, "time", run)
    killed(steps, "store", run, **CONFIDENCE)
    outcome = run()
    assert frames_path(outcome.folder, CLIPS[0]).read_text() == outcome.result.fingerprint
    killed(steps, "store", run, mirror=0.5)
    (outcome.folder / ".making" / "program.npz").touch()
    run(lowering={"backend": "onnx"}, state="explicit")
    assert {path.name for path in outcome.folder.glob("program.*")} == {"program.onnx", "program.json"}


def test_changed_source_or_folder_in_use_changes_no_file(folder: Path, run: Run, steps: FakeSteps) -> None:
    before = files(folder)
    with exclusive(folder), pytest.raises(WorkbenchError):
        run(fresh=True)
    assert files(folder) == before
    steps.errors["time"] = ChangedError("changed")
    with pytest.raises(ChangedError):
        run(fresh=True)
    assert visible_files(folder) == before


# --- errors that are results


@pytest.mark.parametrize(
    ("earlier", "step", "error", "verdict"),
    [
        ("none", "export", LoweringError("lowering to xnnpack failed (no)"), "fail"),
        ("other", "export", NotInstalledError("onnx not installed"), "inconclusive"),
        ("none", "first run", ProgramError("the program crashed"), "fail"),
        ("other", "score", ProgramError("{folder}/.making/program.pte: other frames"), "fail"),
        ("other", "time", ProgramError("the program crashed"), "fail"),
        ("busy", "time", ProgramError("the program crashed"), "fail"),
    ],
)
def test_program_that_fails_is_a_result(
    earlier: str, step: str, error: Exception, verdict: str, tmp_path: Path, run: Run, steps: FakeSteps
) -> None:
    folder = tmp_path / "run" / "test"
    if earlier != "none":
        run(reduction="mean" if earlier == "other" else "alwa")
    if earlier == "busy":
        busy(folder)
    before = files(folder).get("result.json")
    steps.errors[step] = type(error)(str(error).format(folder=folder))
    result = run().result
    reason = str(error).format(folder=folder).replace("/.making", "")
    assert (result.verdict, result.null_reasons) == (verdict, dict.fromkeys(MEASURED, reason))
    assert result.reasons == (reason,) or verdict == "inconclusive"
    assert read_result(folder / "result.json") == result
    assert not list(folder.glob("program.*"))
    assert [path.read_bytes() for path in archived_results(folder)] == ([] if before is None else [before])
    steps.errors.clear()
    assert run().result.verdict == "pass", "a failure is tried again"


def test_program_that_cannot_run_here_is_kept_unscored(folder: Path, run: Run, steps: FakeSteps) -> None:
    keys: dict[str, Any] = {"lowering": {"backend": "vulkan"}, "frames_per_chunk": {"min": 1, "max": 2}}
    steps.unsupported = "not run here: no such backend; run it elsewhere"
    outcome = run(**keys)
    result = outcome.result
    assert (result.verdict, result.reasons) == ("inconclusive", (steps.unsupported,))
    assert result.null_reasons == dict.fromkeys(MEASURED[1:], steps.unsupported)
    assert result.deviation_over_sizes.null_reasons["worst_p95_cents"] == steps.unsupported
    assert result.program is not None and result.program.is_intact_in(folder)
    assert not (folder / "frames").exists(), "those of the earlier result"
    assert run(**keys).reused is Reused.RESULT
    steps.unsupported += ", or there"
    assert run(**keys).reused is Reused.PROGRAM, "where a program runs is asked each time"
