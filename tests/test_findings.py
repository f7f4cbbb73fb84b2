"""The page of findings: an answer only where a record gives one, and every recipe of the findings in it."""

import shutil
from pathlib import Path

import findings
import pytest
from findings import NOT_YET, ROOT, claims, page
from stored import MEASURED, lost, stored

from workbench.audio.corpus import Corpus
from workbench.audit.results import write_record
from workbench.catalogue import recipes_of

CORPUS = Corpus(ROOT / "calib_audio")


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Claims without a record of their own."""
    shutil.copyfile(findings.FINDINGS / "claims.yaml", tmp_path / "claims.yaml")
    monkeypatch.setattr(findings, "FINDINGS", tmp_path)
    return tmp_path


def rows() -> dict[str, str]:
    """The first table: what is measured by what was said."""
    lines = [line.strip("| ").split(" | ") for line in page().splitlines() if line.startswith("| [")]
    return {said.split("]")[0].removeprefix("["): measured for said, _, measured in lines}


def test_every_recipe_of_the_findings_is_good_and_answers_a_claim() -> None:
    folder = ROOT / "recipes" / "findings"
    recipes_of([folder], CORPUS)
    named = {name for claim in claims() for key in ("recipes", "beside") for name in claim.get(key, ())}
    assert {path.stem for path in folder.glob("*.yaml")} <= named


def test_without_a_record_nothing_is_claimed(empty: Path) -> None:
    said = "ONNX fails: flat pitch near MIDI 50, confidence near 0.1."
    assert rows()[said] == NOT_YET
    assert "Confirmed, and explained" not in page()
    assert rows()["Jittery when compared unfairly, identical when compared fairly."].startswith(
        "unfair: fail, pitch p95"
    )


def test_the_measured_verdict_decides_the_answer(empty: Path) -> None:
    said = "A stateless variant would export, with performance trade-offs."
    for verdict, answer in (("pass", "It does; the trade-off"), ("fail", "It does not pass its gates.")):
        record = stored(renamed="stateless").model_copy(update={"verdict": verdict})
        (empty / "stateless.json").write_bytes(write_record(record, empty / "run").read_bytes())
        assert rows()[said].startswith(f"stateless: {verdict}, pitch p95 0.0008 cents. {answer}")


def test_a_backend_is_told_by_what_became_of_its_program(empty: Path) -> None:
    elsewhere = "not run here: this runtime has no VulkanBackend; on a device, ..."
    program = stored().program
    lowered = lost(stored(renamed="vulkan"), elsewhere).model_copy(
        update={
            "program": program,
            "not_run_here": elsewhere,
            "verdict": "inconclusive",
            "reasons": (elsewhere,),
            "null_reasons": dict.fromkeys(("deviation", "floor", "truth", "speed"), elsewhere),
        }
    )
    refused = lost(stored(renamed="qualcomm"), "no SDK").model_copy(update={"reasons": ("no SDK",)})
    for record in (lowered, refused):
        (empty / f"{record.recipe.name}.json").write_bytes(write_record(record, empty / "run").read_bytes())
    text = page()
    assert "| vulkan | inconclusive | yes |" in text and "| 6,499,692 | – | – |" in text
    assert "| qualcomm | fail | no | – | – | – | – | – | – | – |" in text
    assert f"- **vulkan** inconclusive: {elsewhere}\n- **qualcomm** fail: no SDK\n" in text
    measured = rows()["Backend exploration: Core ML, Vulkan, or Qualcomm."]
    assert measured.startswith("vulkan: inconclusive (lowered, not run here); qualcomm: fail (no program)")
    assert f"; coreml: {NOT_YET}" in measured


def test_records_of_shipped_recipes_are_linked() -> None:
    assert {f"{name}.json" for claim in claims() for name in claim.get("measured", ())} <= {
        path.name for path in MEASURED.iterdir()
    }
