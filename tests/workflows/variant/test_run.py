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
from workbench.records.frames import frames_path
from workbench.records.result import Result, read_result, write_result
from workbench.records.run_folders import archived_results
from workbench.storage.locks import exclusive
from workbench.workflows.variant.baseline import BaselineCache
from workbench.workflows.variant.run import Reused, RunOutcome, run_variant

MEASURED = ("program", "deviation", "floor", "truth", "speed")
ALL, SCORED, TIMED, NOTHING = ["export", "score", "time"], ["score", "time"], ["time"], list[str]()


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> FakeSteps:
    return FakeSteps(monkeypatch)


@pytest.fixture
def run(tmp_path: Path, steps: FakeSteps) -> Callable[..., RunOutcome]:
    """(folder=None, fresh=False, **keys) -> the outcome of the variant with these keys, in `folder`."""

    def run(folder: Path | None = None, fresh: bool = False, **keys: object) -> RunOutcome:
        variant = variant_of(tmp_path / "recipes", **keys)
        return run_variant(variant, folder or tmp_path / "run" / "test", Progress(), BaselineCache(), fresh)

    return run


@pytest.fixture
def folder(run: Callable[..., RunOutcome], steps: FakeSteps) -> Path:
    """The folder of a finished run."""
    outcome = run()
    assert (outcome.result.verdict, outcome.result.reasons, outcome.reused) == ("pass", (), Reused.NOTHING)
    assert steps.take_done() == ALL
    return outcome.folder


def replace_result(folder: Path, **values: Any) -> Result:
    """Stores another result in the folder, as another run or version would have left it."""
    result = read_result(folder / "result.json").replace(**values)
    write_result(result, folder)
    return result


def busy(folder: Path) -> Result:
    speed = read_result(folder / "result.json").speed
    assert speed is not None
    wide = speed.replace(speedup_low=1.0, speedup_high=2.5)
    return replace_result(folder, speed=wide, verdict="inconclusive", reasons=("busy",))


# --- what a second run reuses

LOST = {
    "result": "result.json",
    "picture": f"pictures/{CLIPS[0]}.png",
    "frames": f"frames/{CLIPS[1]}.npz",
    "program": "program.pte",
}
CHANGES: dict[str, tuple[dict[str, Any], Reused, list[str], str]] = {
    "nothing": ({}, Reused.RESULT, NOTHING, "pass"),
    "description": ({"description": "Other words"}, Reused.FIGURES, NOTHING, "pass"),
    "another gate": ({"gates": {"deviation.pitch.max_cents": "<= 1"}}, Reused.FIGURES, NOTHING, "pass"),
    "missed gate": ({"gates": {"deviation.frames": "<= 3"}}, Reused.FIGURES, NOTHING, "fail"),
    "no gate": ({"gates": {}}, Reused.FIGURES, NOTHING, "inconclusive"),
    "voiced frames": ({"scoring": {"min_voiced_frames": 9000}}, Reused.FIGURES, NOTHING, "inconclusive"),
    "rounds": ({"speed": {"rounds": 4}}, Reused.PROGRAM, SCORED, "pass"),
    "confidence": ({"scoring": {"voiced_confidence": 0.7}}, Reused.PROGRAM, SCORED, "pass"),
    "clips": ({"audio": {"score": [CLIPS[0]]}}, Reused.PROGRAM, SCORED, "pass"),
    "protocol": ({"protocol": "variant-reset-per-chunk"}, Reused.PROGRAM, SCORED, "fail"),
    "reduction": ({"reduction": "argmax"}, Reused.NOTHING, ALL, "pass"),
    "mirror": ({"mirror": 0.5}, Reused.NOTHING, ALL, "pass"),
    "chunk": ({"chunk_samples": 160}, Reused.NOTHING, ALL, "pass"),
    "frames per chunk": ({"frames_per_chunk": 2}, Reused.NOTHING, ALL, "pass"),
    "toeplitz": ({"lowering": {"toeplitz": "conv"}}, Reused.NOTHING, ALL, "pass"),
    "rate": ({"sample_rate_hz": 22_050}, Reused.NOTHING, ALL, "pass"),
    "fresh": ({"fresh": True}, Reused.NOTHING, ALL, "pass"),
    "lost result": ({"lost": "result"}, Reused.PROGRAM, SCORED, "pass"),
    "lost picture": ({"lost": "picture"}, Reused.PROGRAM, SCORED, "pass"),
    "lost frames": ({"lost": "frames"}, Reused.PROGRAM, SCORED, "pass"),
    "lost program": ({"lost": "program"}, Reused.NOTHING, ALL, "pass"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_run_repeats_only_what_a_change_concerns(
    change: str, folder: Path, run: Callable[..., RunOutcome], steps: FakeSteps
) -> None:
    keys, reused, repeated, verdict = CHANGES[change]
    before = files(folder)
    if "lost" in keys:
        (folder / LOST[keys["lost"]]).unlink()
        keys = {}
    outcome = run(**keys)
    assert (outcome.reused, outcome.result.verdict, steps.take_done()) == (reused, verdict, repeated)
    assert read_result(folder / "result.json") == outcome.result
    if reused is Reused.RESULT:
        assert files(folder) == before
    keys.pop("fresh", None)
    again = run(**keys)
    assert (again.result, again.reused, steps.take_done()) == (outcome.result, Reused.RESULT, NOTHING)


@pytest.mark.parametrize("spoilt", ["{}", "not JSON", ""])
def test_spoilt_result_is_measured_again(
    spoilt: str, folder: Path, run: Callable[..., RunOutcome], steps: FakeSteps
) -> None:
    (folder / "result.json").write_text(spoilt)
    assert run().reused is Reused.PROGRAM
    assert read_result(folder / "result.json").verdict == "pass"


def test_new_gates_change_only_the_verdict(folder: Path, run: Callable[..., RunOutcome]) -> None:
    before, others = read_result(folder / "result.json"), files(folder)
    outcome = run(gates={"deviation.frames": "<= 3"})
    assert (outcome.previous_verdict, outcome.result.verdict) == ("pass", "fail")
    judged = {"recipe", "gates", "verdict", "reasons"}
    assert outcome.result.model_dump(exclude=judged) == before.model_dump(exclude=judged)
    assert {name for name, content in files(folder).items() if content != others[name]} == {"result.json"}
    assert set(files(folder)) == set(others)


def test_stored_verdict_of_other_rules_is_judged_again(folder: Path, run: Callable[..., RunOutcome]) -> None:
    """The source of the verdict is not in the fingerprint."""
    replace_result(folder, verdict="fail", reasons=("a rule of an earlier version",))
    outcome = run()
    assert (outcome.reused, outcome.previous_verdict, outcome.result.verdict) == (Reused.FIGURES, "fail", "pass")


def test_inconclusive_timing_is_repeated_alone(folder: Path, run: Callable[..., RunOutcome], steps: FakeSteps) -> None:
    before = read_result(folder / "result.json")
    doubted = busy(folder)
    others = {name: content for name, content in files(folder).items() if name != "result.json"}
    outcome = run()
    assert (outcome.reused, outcome.result.verdict, steps.take_done()) == (Reused.SCORES, "pass", TIMED)
    timing = {"created", "environment", "speed", "seconds", "verdict", "reasons", "gates"}
    assert outcome.result.model_dump(exclude=timing) == before.model_dump(exclude=timing)
    assert outcome.result.speed == before.speed
    assert [read_result(path) for path in archived_results(folder)] == [doubted]
    assert {name: files(folder)[name] for name in others} == others


def test_other_figures_archive_the_earlier_result(folder: Path, run: Callable[..., RunOutcome]) -> None:
    before = read_result(folder / "result.json")
    outcome = run(scoring={"voiced_confidence": 0.7})
    (archived,) = outcome.archived
    assert read_result(archived) == before != outcome.result
    assert archived.name == f"result-{before.created.replace('-', '').replace(':', '').replace('T', '-')[:15]}.json"


# --- stopped at any moment


def test_full_disk_changes_nothing_and_run_resumes(
    folder: Path, tmp_path: Path, run: Callable[..., RunOutcome], steps: FakeSteps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every write in turn. The scores are repeated only if they were not complete."""
    keys, writes, flush = {"speed": {"rounds": 4}}, 0, os.fsync
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
                run(target, **keys)
            except OSError as error:
                assert error.filename.startswith(str(target / ".making"))
            else:
                break
        assert visible_files(target) == before
        was_scored = (target / ".making" / "scores.json").exists()
        steps.take_done()
        outcome = run(target, **keys)
        assert (outcome.result.verdict, outcome.reused) == ("pass", Reused.PROGRAM)
        assert steps.take_done() == (TIMED if was_scored else SCORED)
        assert not list(target.glob(".*"))
        writes += 1
    assert writes > 10


class Killed(BaseException):
    """In place of SIGKILL: nothing catches it."""


def killed(steps: FakeSteps, step: str, run: Callable[..., RunOutcome], **keys: object) -> None:
    """A run that is killed in a step."""
    steps.errors[step] = Killed()
    with pytest.raises(Killed):
        run(**keys)
    del steps.errors[step]
    steps.take_done()


def test_scores_of_a_killed_run_are_reused(tmp_path: Path, run: Callable[..., RunOutcome], steps: FakeSteps) -> None:
    killed(steps, "time", run)
    assert [path.name for path in (tmp_path / "run" / "test").iterdir()] == [".making"]
    outcome = run()
    assert (outcome.reused, steps.take_done()) == (Reused.PROGRAM, TIMED)
    assert set(outcome.result.seconds) == {"build", "score", "pictures", "speed"}


def test_scores_of_other_keys_are_not_reused(run: Callable[..., RunOutcome], steps: FakeSteps) -> None:
    killed(steps, "time", run)
    run(scoring={"voiced_confidence": 0.7})
    assert steps.take_done() == SCORED


def test_scores_are_not_reused_over_frames_of_other_keys(
    tmp_path: Path, run: Callable[..., RunOutcome], steps: FakeSteps
) -> None:
    other = {"scoring": {"voiced_confidence": 0.7}}
    killed(steps, "time", run)
    killed(steps, "store", run, **other)
    outcome = run()
    stored = frames_path(outcome.folder, CLIPS[0]).read_text()
    assert stored == outcome.result.fingerprint


def test_program_files_of_other_keys_are_not_moved_in(
    tmp_path: Path, run: Callable[..., RunOutcome], steps: FakeSteps
) -> None:
    killed(steps, "store", run)
    (tmp_path / "run" / "test" / ".making" / "program.npz").touch()
    outcome = run(lowering={"backend": "onnx"}, state="explicit")
    assert {path.name for path in outcome.folder.glob("program.*")} == {"program.onnx", "program.json"}


def test_folder_in_use_is_refused(folder: Path, run: Callable[..., RunOutcome]) -> None:
    before = files(folder)
    with exclusive(folder), pytest.raises(WorkbenchError):
        run()
    assert files(folder) == before


def test_changed_source_leaves_no_result(
    tmp_path: Path, run: Callable[..., RunOutcome], steps: FakeSteps, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.errors["time"] = ChangedError("changed")
    with pytest.raises(ChangedError):
        run()
    assert not (tmp_path / "run" / "test" / "result.json").exists()


# --- errors that are results


def assert_failed(outcome: RunOutcome, reason: str) -> None:
    result = outcome.result
    assert (outcome.reused, result.verdict, result.reasons) == (Reused.NOTHING, "fail", (reason,))
    assert result.null_reasons == dict.fromkeys(MEASURED, reason)
    assert read_result(outcome.folder / "result.json") == result
    assert not list(outcome.folder.glob("program.*"))


@pytest.mark.parametrize(
    ("step", "error"),
    [
        ("export", LoweringError("lowering to xnnpack failed (no)")),
        ("first run", ProgramError("the program crashed")),
        ("score", ProgramError("other frames")),
        ("time", ProgramError("the program crashed")),
    ],
    ids=["export", "first run", "score", "time"],
)
@pytest.mark.parametrize("earlier", [False, True])
def test_program_that_fails_is_a_result_that_fails(
    step: str, error: Exception, earlier: bool, run: Callable[..., RunOutcome], steps: FakeSteps
) -> None:
    if earlier:
        run(reduction="mean")
    steps.errors[step] = error
    outcome = run()
    assert_failed(outcome, str(error))
    assert len(archived_results(outcome.folder)) == earlier
    steps.errors.clear()
    assert run().result.verdict == "pass", "a failure is tried again"


def test_crash_in_repeated_timing_is_a_result_that_fails(
    folder: Path, run: Callable[..., RunOutcome], steps: FakeSteps
) -> None:
    doubted = busy(folder)
    steps.errors["time"] = ProgramError("the program crashed")
    assert_failed(run(), "the program crashed")
    assert [read_result(path) for path in archived_results(folder)] == [doubted]


def test_errors_name_the_folder_not_the_staging_folder(
    tmp_path: Path, run: Callable[..., RunOutcome], steps: FakeSteps
) -> None:
    folder = tmp_path / "run" / "test"
    steps.errors["score"] = ProgramError(f"{folder}/.making/program.pte: other frames")
    assert run().result.reasons == (f"{folder}/program.pte: other frames",)


def test_missing_extra_is_inconclusive(run: Callable[..., RunOutcome], steps: FakeSteps) -> None:
    steps.errors["export"] = NotInstalledError("onnx not installed")
    outcome = run()
    assert (outcome.result.verdict, outcome.reused) == ("inconclusive", Reused.NOTHING)
    assert outcome.result.null_reasons == dict.fromkeys(MEASURED, "onnx not installed")
    assert {path.name for path in outcome.folder.iterdir()} == {"result.json"}
    steps.errors.clear()
    assert run().result.verdict == "pass", "it is tried again"


def test_program_that_cannot_run_here_is_kept_unscored(
    folder: Path, run: Callable[..., RunOutcome], steps: FakeSteps
) -> None:
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
