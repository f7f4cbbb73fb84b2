"""A sweep: which points there are, what each leaves, what a second one reuses; and, slow, a real point."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.project import LEAST_RECIPE, workbench, write_project
from tests.helpers.results import replaced, stored
from tests.helpers.sweep_points import DELAY, failed_point, measured_point, unsupported_point
from tests.helpers.variants import MANIFEST, TINY_RUN, variant_of
from workbench.audio.corpus import Corpus
from workbench.errors import ChangedError, ProgramError, RecipeError, WorkbenchError
from workbench.progress import Progress
from workbench.recipe import Recipe
from workbench.records.result import Result, read_result
from workbench.records.sweep import SweepPoint, SweepSetting
from workbench.storage.atomic import write_atomic
from workbench.storage.locks import exclusive
from workbench.workflows import sweep
from workbench.workflows.load_recipes import load_variants
from workbench.workflows.sweep import PlannedPoint, PointOutcome, measure_point, plan
from workbench.workflows.variant import run as variant_run
from workbench.workflows.variant.run import Reused, RunOutcome

PROGRAM_SHA256 = hashlib.sha256(b"a program").hexdigest()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_project(tmp_path, MANIFEST, least=LEAST_RECIPE + TINY_RUN)


def recipe_with(keys: str = "") -> Recipe:
    Path("r.yaml").write_text(LEAST_RECIPE + keys)
    (recipe,) = load_variants([Path("r.yaml")], Corpus(Path("calib_audio")))
    return recipe


# --- which points


def test_plan_has_every_combination_or_a_reason() -> None:
    planned = plan(recipe_with("frames_per_chunk: 2"), [320, 321, 40_000], [0.0, 1.0], [16_000, 48_000], Progress())
    assert [tuple(point.setting.keys.values()) for point in planned] == [
        (rate, chunk, mirror) for rate in (16_000, 48_000) for mirror in (0.0, 1.0) for chunk in (320, 321, 40_000)
    ]
    for point in planned:
        assert (point.variant is not None) == (point.setting.chunk_samples == 320) == (not point.refusal_reason)
        if point.variant is not None:
            recipe = point.variant.recipe
            assert {key: recipe.resolved()[key] for key in point.setting.keys} == point.setting.keys
    assert planned[1].refusal_reason == "frames_per_chunk: expected a divisor of chunk_samples (321), got 2"
    assert planned[2].refusal_reason.startswith("sample_rate_hz 16000, hop 20000 samples, mirror 0.0: ")


@pytest.mark.parametrize(
    ("keys", "error", "message"),
    [("streams: 2", RecipeError, "streams"), ("", WorkbenchError, "every point of the sweep is refused")],
)
def test_plan_without_any_point_is_refused(keys: str, error: type[WorkbenchError], message: str) -> None:
    with pytest.raises(error, match=message):
        plan(recipe_with(keys), [16_000], [0.0], [16_000], Progress())


# --- the command


@pytest.mark.parametrize(
    ("keys", "statuses", "exit_code"),
    [
        ("", ("measured", "refused"), 0),
        ("", ("measured", "failed"), 1),
        ("", ("measured", "inconclusive"), 3),
        ("protocol: baseline-reset-per-chunk", ("measured", "measured"), 1),
    ],
)
def test_exit_code_is_of_the_statuses(
    keys: str, statuses: tuple[str, ...], exit_code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(planned: PlannedPoint, *_: object) -> PointOutcome:
        status = next(coming)
        if status == "refused":
            return PointOutcome(SweepPoint.refused(planned.setting, "no such stream"), reused=False)
        point = {"measured": measured_point, "failed": failed_point, "inconclusive": unsupported_point}[status]
        return PointOutcome(point(planned.setting.chunk_samples, 1, 16_000), reused=status == "measured")

    coming = iter(2 * statuses)
    monkeypatch.setattr(sweep, "measure_point", measured)
    recipe_with(keys)
    words = ("sweep", "r.yaml", "--chunk", "160,320", "--out", "swept")
    shown = workbench(*words)
    assert shown.exit_code == exit_code
    assert shown.stdout.startswith("UNFAIR: " if keys else "r: chunk, mirror and rate")
    assert "rate=16000,chunk=160,mirror=1: unchanged: reused" in shown.stderr
    assert {path.name for path in Path("swept").iterdir()} == {"sweep.json", "sweep.png"}
    result = json.loads(Path("swept/sweep.json").read_text())
    assert [point["setting"]["chunk_samples"] for point in result["points"]] == [160, 320]
    assert tuple(point["status"] for point in result["points"]) == statuses
    assert result["clips"] == ["synthetic/score/vibrato", "synthetic/score/silence"]
    printed = json.loads(workbench(*words, "--json").stdout)
    assert printed == {"folder": "swept", **json.loads(Path("swept/sweep.json").read_text())}


# --- a point


@pytest.fixture
def planned(tmp_path: Path) -> PlannedPoint:
    return PlannedPoint(SweepSetting(sample_rate_hz=16_000, chunk_samples=320, mirror=1), variant_of(tmp_path))


@pytest.fixture
def measurable(planned: PlannedPoint, monkeypatch: pytest.MonkeyPatch) -> PlannedPoint:
    """A point whose result and program are stored, and whose delay is made up on both sides."""
    run_returns(replaced(stored(), "program.sha256", PROGRAM_SHA256), monkeypatch)
    write_atomic(Path("swept/test/program.pte"), b"a program")
    monkeypatch.setattr(sweep, "step_delay", lambda _: DELAY)
    monkeypatch.setattr(sweep.IsolatedProcess, "call", lambda *_: DELAY)
    return planned


def run_returns(result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "run_variant", lambda _, folder, *__: RunOutcome(folder, result, Reused.RESULT))


def measure(planned: PlannedPoint, fresh: bool = False) -> PointOutcome:
    return measure_point(planned, Path("swept"), Progress(), fresh)


def spoil_delays(how: str) -> None:
    path = Path("swept/test/onset.json")
    if how == "missing":
        path.unlink()
    elif how == "cut":
        path.write_bytes(path.read_bytes()[:-9])
    else:
        part = {"other result": stored().fingerprint, "other program": PROGRAM_SHA256}[how]
        path.write_text(path.read_text().replace(part, "e" * 64))


@pytest.mark.parametrize("how", ["missing", "cut", "other result", "other program"])
def test_delays_of_another_program_are_measured_again(how: str, measurable: PlannedPoint) -> None:
    first = measure(measurable)
    assert (first.point.status, first.reused) == ("measured", False)
    assert measure(measurable) == PointOutcome(first.point, reused=True)
    assert measure(measurable, fresh=True) == first
    spoil_delays(how)
    assert measure(measurable) == first


def test_delay_is_measured_on_the_program_of_the_result(measurable: PlannedPoint) -> None:
    with exclusive(Path("swept/test")), pytest.raises(WorkbenchError, match="in use by another"):
        measure(measurable)
    Path("swept/test/program.pte").write_bytes(b"another")
    with pytest.raises(ChangedError, match=r"program\.pte"):
        measure(measurable)
    assert not Path("swept/test/onset.json").exists()


def test_crash_during_the_delay_is_a_failed_point(measurable: PlannedPoint, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> Any:
        raise ProgramError("the program crashed the runtime")

    monkeypatch.setattr(sweep.IsolatedProcess, "call", crash)
    point = measure(measurable).point
    assert (point.status, point.reasons) == ("failed", ("the program crashed the runtime",))


@pytest.mark.parametrize(
    ("values", "status", "reused"),
    [
        ({"deviation": None, "not_run_here": "no", "null_reasons": {"deviation": "no"}}, "inconclusive", True),
        ({"deviation": None, "null_reasons": {"deviation": "no"}}, "failed", False),
        ({"program": None, "null_reasons": {"program": "no"}}, "failed", False),
    ],
    ids=["not run here", "no deviation", "no program"],
)
def test_program_that_was_not_scored_has_no_delay(
    values: dict[str, Any], status: str, reused: bool, planned: PlannedPoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_returns(stored().replace(**values), monkeypatch)
    outcome = measure(planned)
    assert (outcome.point.status, outcome.reused) == (status, reused)


@pytest.mark.slow
def test_real_point_is_as_late_as_its_geometry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The restated program is as late as upstream, and both are as late as the geometry says at mirror 0."""
    words = ("sweep", "least.yaml", "--chunk", "320,16000", "--mirror", "0", "--out", "swept", "--json")
    first = workbench(*words)
    assert first.exit_code == 0
    point, refused = json.loads(first.stdout)["points"]
    assert (point["status"], refused["status"]) == ("measured", "refused")
    assert point["baseline"]["delay_ms"] == point["variant"]["delay_ms"]
    assert point["variant"]["delay_ms"] == pytest.approx(point["geometry_ms"], abs=2)
    assert point["geometry_ms"] == pytest.approx(138)
    variant_folder = Path("swept/least@rate=16000,chunk=320,mirror=0")
    assert point["program_bytes"] == (variant_folder / "program.pte").stat().st_size
    result = read_result(variant_folder / "result.json")
    assert result.truth is not None and result.truth.variant is not None
    assert point["variant"]["rpa50"] == result.truth.variant.rpa50
    monkeypatch.setattr(variant_run, "build_in_staging", None)
    monkeypatch.setattr(sweep, "step_delay", None)
    again = workbench(*words)
    assert "unchanged: reused" in again.stderr
    assert json.loads(again.stdout)["points"] == [point, refused]
