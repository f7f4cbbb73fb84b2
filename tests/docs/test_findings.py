"""The page of findings: a conclusion is printed only if results support it, and every recipe is on the page."""

import shutil
from pathlib import Path

import pytest

from tests.helpers.records.results import MEASURED, replaced, stored
from tools.docs import findings
from tools.docs.findings import NOT_YET, ROOT, claims, page
from workbench.records.result import Result, write_result


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


def test_every_recipe_of_the_findings_answers_a_claim() -> None:
    folder = ROOT / "recipes" / "findings"
    named = {name for claim in claims() for key in ("recipes", "beside") for name in claim.get(key, ())}
    assert {path.stem for path in folder.glob("*.yaml")} <= named


def test_without_a_record_nothing_is_claimed(empty: Path) -> None:
    said = "ONNX fails: flat pitch near MIDI 50, confidence near 0.1."
    assert rows()[said] == NOT_YET
    assert "Reproduced and explained" not in page()
    assert rows()["Jittery when compared unfairly, identical when compared fairly."].startswith(
        "unfair: fail, pitch p95"
    )


def test_a_conclusion_needs_the_support_of_the_results(empty: Path) -> None:
    said = "Models that trace are more likely to export."

    def measured(record: Result) -> str:
        (empty / "torchscript.json").write_bytes(write_result(record, empty / "run").read_bytes())
        return rows()[said]

    good = stored(renamed="torchscript")
    assert measured(good) == (
        "torchscript: pass, pitch p95 0.0008 cents. It traces and agrees with upstream. So does the graph of "
        "`torch.export`; the choice made no difference."
    )
    assert measured(good.model_copy(update={"verdict": "fail"})) == (
        "torchscript: fail, pitch p95 0.0008 cents. No conclusion: torchscript is fail, expected pass."
    )
    assert measured(replaced(good, "deviation.pitch.p95_cents", 0.5)).endswith(
        "No conclusion: deviation.pitch.p95\\_cents of torchscript is 0.5, expected \\<= 0.01."
    )
    naive = stored(renamed="onnx-naive").model_copy(update={"verdict": "fail", "reasons": ("a crash",)})
    (empty / "onnx-naive.json").write_bytes(write_result(naive, empty / "run").read_bytes())
    assert rows()["ONNX fails: flat pitch near MIDI 50, confidence near 0.1."].endswith(
        "No conclusion: onnx-naive does not give the reason: the streaming state was folded into a constant."
    )


def test_stored_results_support_every_conclusion() -> None:
    assert [measured for measured in rows().values() if "No conclusion" in measured or NOT_YET in measured] == []


def test_records_of_shipped_recipes_are_linked() -> None:
    assert {f"{name}.json" for claim in claims() for name in claim.get("measured", ())} <= {
        path.name for path in MEASURED.iterdir()
    }
