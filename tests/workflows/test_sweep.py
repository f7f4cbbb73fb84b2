"""A sweep: which points there are, what each leaves, what a second one reuses; and, slow, a real point."""

import json
import re
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from tests.helpers.models.programs import ProgramFactory
from tests.helpers.project import LEAST_RECIPE, workbench, write_project
from tests.helpers.records.results import stored
from tests.helpers.records.sweep_points import failed_point, measured_point, unsupported_point
from tests.helpers.variants import steady_timing, variant_of
from tools.reliability.small_project import MANIFEST, RECIPE
from workbench.audio.clip_catalog import ClipCatalog
from workbench.errors import RecipeError, WorkbenchError
from workbench.progress import Progress
from workbench.recipe import Recipe
from workbench.records.result import read_result
from workbench.records.sweep import SweepPoint, SweepSetting
from workbench.workflows import sweep
from workbench.workflows.load_recipes import load_variants
from workbench.workflows.sweep import PlannedPoint, PointOutcome, measure_point, plan
from workbench.workflows.variant import build
from workbench.workflows.variant import run as variant_run
from workbench.workflows.variant.baseline import BaselineCache
from workbench.workflows.variant.run import Reused, RunOutcome

UNSCORED = {"deviation": None, "null_reasons": {"deviation": "no"}}
SETTING = SweepSetting(sample_rate_hz=16_000, chunk_samples=320, mirror=1)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_project(tmp_path, MANIFEST, least=json.dumps(RECIPE))


def recipe_with(keys: str = "") -> Recipe:
    Path("r.yaml").write_text(LEAST_RECIPE + keys)
    (recipe,) = load_variants([Path("r.yaml")], ClipCatalog(Path("calib_audio")))
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
    ("protocol", "second", "exit_code"),
    [
        ("continuous", SweepPoint.refused(SETTING, "no such stream"), 0),
        ("continuous", failed_point(320, 1, 16_000), 1),
        ("continuous", unsupported_point(320, 1, 16_000), 3),
        ("baseline-reset-per-chunk", measured_point(320, 1, 16_000), 1),
    ],
    ids=["refused", "failed", "not run here", "unfair"],
)
def test_exit_code_is_of_the_statuses(
    protocol: str, second: SweepPoint, exit_code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = PointOutcome(measured_point(160, 1, 16_000), reused=True)
    monkeypatch.setattr(sweep, "measure_point", Mock(side_effect=2 * [first, PointOutcome(second, reused=False)]))
    recipe_with(f"protocol: {protocol}")
    words = ("sweep", "r.yaml", "--chunk", "160,320")
    shown, printed = workbench(*words, "--out", "swept"), json.loads(workbench(*words, "--json").stdout)
    assert shown.exit_code == exit_code
    assert shown.stdout.startswith("r: chunk, mirror and rate" if protocol == "continuous" else "UNFAIR: ")
    assert "rate=16000,chunk=160,mirror=1: unchanged: reused" in shown.stderr
    assert {path.name for path in Path("swept").iterdir()} == {"sweep.json", "sweep.png"}
    result = json.loads(Path("swept/sweep.json").read_text())
    assert result["points"] == [point.model_dump(mode="json") for point in (first.point, second)]
    assert result["clips"] == ["synthetic/score/vibrato", "synthetic/score/silence"]
    folder = printed.pop("folder")
    assert re.fullmatch(r"outputs/\d{8}-\d{6}-sweep-r", folder)
    assert printed == json.loads((Path(folder) / "sweep.json").read_text())


# --- a point


@pytest.mark.parametrize(
    ("values", "status", "reused"),
    [
        ({}, "measured", True),
        ({**UNSCORED, "not_run_here": "no", "reasons": ("no",)}, "inconclusive", True),
        (UNSCORED, "failed", False),
        ({"program": None, "null_reasons": {"program": "no"}}, "failed", False),
    ],
    ids=["measured", "not run here", "no deviation", "no program"],
)
def test_point_is_what_the_result_of_its_variant_says(
    values: dict[str, Any], status: str, reused: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = stored().replace(**values)
    monkeypatch.setattr(sweep, "run_variant", lambda _, folder, *__: RunOutcome(folder, result, Reused.RESULT))
    outcome = measure_point(PlannedPoint(SETTING, variant_of(tmp_path)), Path("swept"), Progress(), BaselineCache())
    reasons = () if status == "measured" else ("no",)
    assert (outcome.point.status, outcome.point.reasons, outcome.reused) == (status, reasons, reused)


@pytest.mark.slow
def test_real_point_is_as_late_as_its_geometry(program_for: ProgramFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The restated program is as late as upstream, and both are as late as the geometry says at mirror 0."""
    monkeypatch.setattr(build, "_export", program_for.export)
    steady_timing(monkeypatch)
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
    monkeypatch.setattr(variant_run, "build_and_score", None)
    again = workbench(*words)
    assert "unchanged: reused" in again.stderr
    assert json.loads(again.stdout)["points"] == [point, refused]
