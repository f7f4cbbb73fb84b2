"""A sweep: what its command refuses, which points there are, what each leaves, and what a second one takes over."""

import hashlib
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from tests.helpers.results import replaced as replaced_in
from tests.helpers.results import stored
from tests.helpers.sweep_points import DELAY, failed_point, measured_point, unsupported_point
from workbench.audio.corpus import Corpus
from workbench.cli import main
from workbench.errors import ProgramError, RecipeError, WorkbenchError
from workbench.progress import Progress
from workbench.recipe import Recipe, with_overrides
from workbench.records.result import read_record
from workbench.records.sweep import SweepPoint, SweepSetting
from workbench.storage.atomic import write_atomic
from workbench.storage.locks import exclusive
from workbench.workflows.load_recipes import load_variants

if TYPE_CHECKING:
    from workbench.workflows.sweep import PlannedPoint

MANIFEST = """
calibrate:
  - {name: tone, kind: tones, notes: [57, 64], note_s: 0.4, gap_s: 0.2, harmonics: 8, level_dbfs: -20}
score:
  - {name: vibrato, kind: vibrato, notes: [[60, 5, 50]], note_s: 1.2, gap_s: 0.2, harmonics: 12, level_dbfs: -20}
"""
RECIPE = """
description: A test
sample_rate_hz: 16000
chunk_samples: 320
mirror: 1
scoring: {min_voiced_frames: 20}
speed: {rounds: 3, chunks_per_round: 5, warmup_chunks: 2}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "calib_audio").mkdir()
    (tmp_path / "calib_audio" / "manifest.yaml").write_text(MANIFEST)
    (tmp_path / "least.yaml").write_text(RECIPE)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    logging.disable(logging.NOTSET)


def least() -> Recipe:
    return load_variants([Path("least.yaml")], Corpus(Path("calib_audio")))[0]


def workbench(*words: str) -> Result:
    result = CliRunner().invoke(main, ["sweep", *words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def last_error(*words: str) -> str:
    result = workbench(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Traceback" not in result.stderr
    assert not Path("outputs").exists()
    return result.stderr.splitlines()[-1]


def test_every_point_refused() -> None:
    message = last_error("least.yaml", "--chunk", "8000,16000")
    assert message.startswith("error: least: every point of the sweep is refused; the first: sample_rate_hz 16000, hop")


# --- which points


def test_a_recipe_with_keys_replaced_is_that_recipe() -> None:
    recipe = with_overrides(
        least(), "rate=48000,chunk=480,mirror=0.5", sample_rate_hz=48_000, chunk_samples=480, mirror=0.5
    )
    assert recipe.name == "least@rate=48000,chunk=480,mirror=0.5"
    asked = {"sample_rate_hz": 48_000, "chunk_samples": 480, "mirror": 0.5}
    assert recipe.resolved() == {**least().resolved(), **asked}
    assert recipe.source == least().source
    assert recipe.sha256 != least().sha256


def test_every_shipped_recipe_can_be_replaced() -> None:
    root = Path(__file__).parent.parent.parent
    for recipe in load_variants([root / "recipes"], Corpus(root / "calib_audio")):
        assert with_overrides(recipe, "again").resolved() == recipe.resolved()


def test_a_replaced_key_is_validated() -> None:
    Path("least.yaml").write_text(RECIPE + "frames_per_chunk: 4\n")
    with pytest.raises(RecipeError) as error:
        with_overrides(least(), "chunk=330,mirror=2", chunk_samples=330, mirror=2.0)
    assert error.value.problems == (
        "frames_per_chunk: expected a divisor of chunk_samples (330), got 4",
        "mirror: expected at most 1, got 2.0",
    )


def test_the_plan_has_every_combination_and_refuses_what_cannot_be() -> None:
    from workbench.workflows.sweep import plan

    Path("least.yaml").write_text(RECIPE + "frames_per_chunk: 2\n")
    planned = plan(least(), [320, 321, 40_000], [0.0, 1.0], [16_000, 48_000], Progress())
    assert [tuple(point.setting.keys.values()) for point in planned] == [
        (rate, chunk, mirror) for rate in (16_000, 48_000) for mirror in (0.0, 1.0) for chunk in (320, 321, 40_000)
    ]
    for point in planned:
        if point.setting.chunk_samples == 320:
            assert point.job is not None
            assert point.job.stream.chunk_samples == 320
            assert point.job.stream.mirror == point.setting.mirror
            assert point.job.stream.sample_rate_hz == point.setting.sample_rate_hz
        else:
            assert point.job is None
    assert planned[1].refusal == "frames_per_chunk: expected a divisor of chunk_samples (321), got 2"
    assert planned[2].refusal.startswith("sample_rate_hz 16000, hop 20000 samples, mirror 0.0: ")


def test_a_plan_of_nothing_but_refusals() -> None:
    from workbench.workflows.sweep import plan

    with pytest.raises(WorkbenchError, match=r"^least: every point of the sweep is refused; the first: sample_rate_hz"):
        plan(least(), [16_000], [0.0], [16_000], Progress())


# --- the command, its points made up


@pytest.fixture
def module() -> ModuleType:
    from workbench.workflows import sweep

    return sweep


def made_up(module: ModuleType, monkeypatch: pytest.MonkeyPatch, *outcomes: str) -> None:
    coming = iter(outcomes)

    def measure(planned: object, *_: object) -> object:
        where = planned.setting.keys  # type: ignore[attr-defined]
        at = {"chunk": where["chunk_samples"], "mirror": where["mirror"], "rate": where["sample_rate_hz"]}
        point = {
            "good": lambda: measured_point(**at),
            "broken": lambda: failed_point(**at),
            "elsewhere": lambda: unsupported_point(**at),
        }
        outcome = next(coming)
        return (
            point[outcome]() if outcome in point else SweepPoint.refused(SweepSetting(**where), outcome)
        ), outcome == "good"

    monkeypatch.setattr(module, "measure", measure)


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [(("good", "good"), 0), (("good", "cannot be"), 0), (("good", "broken"), 1), (("good", "elsewhere"), 3)],
)
def test_the_exit_code_and_what_is_left(
    outcomes: tuple[str, ...], code: int, module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_up(module, monkeypatch, *outcomes)
    result = workbench("least.yaml", "--chunk", "160,320", "--out", "swept")
    assert result.exit_code == code
    assert {path.name for path in Path("swept").iterdir()} == {"sweep.json", "sweep.png"}
    stored = json.loads(Path("swept/sweep.json").read_text())
    assert [point["setting"]["chunk_samples"] for point in stored["points"]] == [160, 320]
    assert stored["clips"] == ["synthetic/score/vibrato"]
    assert "rate=16000,chunk=160,mirror=1 (1 of 2): unchanged: reused" in result.stderr
    assert "least: chunk, mirror and rate" in result.stdout


def test_json_is_the_sweep(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    made_up(module, monkeypatch, "good")
    result = workbench("least.yaml", "--json", "--out", "swept")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"folder": "swept", **json.loads(Path("swept/sweep.json").read_text())}


def test_without_out_it_gets_a_folder_of_its_own(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    made_up(module, monkeypatch, "good")
    assert workbench("least.yaml").exit_code == 0
    (place,) = Path("outputs").iterdir()
    assert place.name[15:] == "-sweep-least"


def test_an_unfair_sweep_is_1_and_says_so(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("least.yaml").write_text(RECIPE + "protocol: baseline-reset-per-chunk\n")
    made_up(module, monkeypatch, "good")
    result = workbench("least.yaml", "--out", "swept")
    assert result.exit_code == 1
    assert result.stdout.startswith("UNFAIR: baseline reset-per-chunk, variant continuous\n")


# --- a point


@pytest.mark.slow
def test_a_point_whole_and_used_again(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """The restated program has to be as late as upstream, and both as late as their geometry at mirror 0."""
    words = ("least.yaml", "--chunk", "320,16000", "--mirror", "0", "--out", "swept", "--json")
    first = workbench(*words)
    assert first.exit_code == 0
    point, cannot = json.loads(first.stdout)["points"]
    assert (point["status"], cannot["status"]) == ("measured", "refused")
    assert point["baseline"]["delay_ms"] == point["variant"]["delay_ms"]
    assert point["variant"]["delay_ms"] == pytest.approx(point["geometry_ms"], abs=2)
    assert point["geometry_ms"] == pytest.approx(138)
    place = Path("swept/least@rate=16000,chunk=320,mirror=0")
    assert point["program_bytes"] == (place / "program.pte").stat().st_size
    result = read_record(place / "result.json")
    assert result.truth is not None and result.truth.variant is not None
    assert point["variant"]["rpa50"] == result.truth.variant.rpa50
    from workbench.workflows.variant import run as variant_run

    monkeypatch.setattr(variant_run, "build_in_staging", None)  # nothing is built again
    monkeypatch.setattr(module, "step_delay", None)
    again = workbench(*words)
    assert "unchanged: reused" in again.stderr
    assert json.loads(again.stdout)["points"] == [point, cannot]


@pytest.fixture
def measurable(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> "PlannedPoint":
    """A point whose record and program are there, and whose delay is made up on both sides."""
    from workbench.workflows.variant.run import Reused, RunOutcome

    (planned,) = module.plan(least(), [320], [1.0], [16_000], Progress())
    made = replaced_in(stored(), "program.sha256", hashlib.sha256(b"a program").hexdigest())
    write_atomic(Path("swept") / planned.job.recipe.name / made.program.path, b"a program")
    monkeypatch.setattr(module, "run_variant", lambda _, place, *__: RunOutcome(place, made, Reused.RESULT))
    monkeypatch.setattr(module, "step_delay", lambda _: DELAY)
    monkeypatch.setattr(module.IsolatedProcess, "call", lambda *_: DELAY)
    return planned


@pytest.mark.parametrize("lost", ["nothing", "onset.json", "other fingerprint", "other program", "spoilt"])
def test_a_delay_is_measured_again_where_it_is_not_of_this_record(
    lost: str, module: ModuleType, measurable: "PlannedPoint"
) -> None:
    point, reused = module.measure(measurable, Path("swept"), Progress())
    assert (point.status, reused) == ("measured", False)
    path = Path("swept") / measurable.job.recipe.name / "onset.json"
    if lost == "onset.json":
        path.unlink()
    elif lost == "other fingerprint":
        path.write_text(path.read_text().replace(stored().fingerprint, "e" * 64))
    elif lost == "other program":
        path.write_text(path.read_text().replace(hashlib.sha256(b"a program").hexdigest(), "e" * 64))
    elif lost == "spoilt":
        path.write_bytes(path.read_bytes()[:-9])
    again, reused = module.measure(measurable, Path("swept"), Progress())
    assert (again, reused) == (point, lost == "nothing")
    assert module.measure(measurable, Path("swept"), Progress(), fresh=True)[1] is False


def test_a_delay_is_of_the_record_s_program_alone(module: ModuleType, measurable: "PlannedPoint") -> None:
    place = Path("swept") / measurable.job.recipe.name
    with exclusive(place), pytest.raises(WorkbenchError, match="in use by another"):
        module.measure(measurable, Path("swept"), Progress())
    (place / "program.pte").write_bytes(b"another")
    with pytest.raises(WorkbenchError) as caught:
        module.measure(measurable, Path("swept"), Progress())
    assert str(caught.value) == f"{place}/program.pte: changed while it was used; run again"
    assert not (place / "onset.json").exists()


def test_a_program_that_cannot_run_here_is_not_asked_for_its_delay(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.workflows.variant.run import Reused, RunOutcome

    (planned,) = module.plan(least(), [320], [1.0], [16_000], Progress())
    unrun = stored().replace(deviation=None, not_run_here="no", null_reasons={"deviation": "no"})
    monkeypatch.setattr(module, "run_variant", lambda _, place, *__: RunOutcome(place, unrun, Reused.RESULT))
    point, reused = module.measure(planned, Path("swept"), Progress())
    assert (point.status, reused) == ("inconclusive", True)


def test_a_program_that_dies_under_the_tone_is_told(
    module: ModuleType, measurable: "PlannedPoint", monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise ProgramError("the program crashed the runtime")

    monkeypatch.setattr(module.IsolatedProcess, "call", die)
    point, _ = module.measure(measurable, Path("swept"), Progress())
    assert (point.status, point.reasons) == ("failed", ("the program crashed the runtime",))
