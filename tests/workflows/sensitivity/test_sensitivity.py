"""The largest effects, and, slow, a whole sensitivity: resumed after a kill, and right in a program."""

import json
from pathlib import Path

import pytest

from tests.helpers.project import LEAST_RECIPE, workbench
from workbench.records.search.sensitivity import Effect, Sensitivity
from workbench.workflows.sensitivity import run as sensitivity
from workbench.workflows.sensitivity.lowered import largest_effects


def effect(p95_cents: float | None, confidence_p95: float = 0.0, target: str = "encoder.first") -> Effect:
    nulls = dict.fromkeys(("lowered", "native_us", *(["pitch_p95_cents"] if p95_cents is None else [])), "none")
    return Effect(
        **{"kind": "layer", "target": target, "choice": "int8-weights", "weight_bytes": 1, "saved_bytes": 3},
        **{"frames": 9, "voiced_frames": 5, "over_50_cents_rate": 0.0, "lowered": None, "native_us": None},
        **{"pitch_p95_cents": p95_cents, "confidence_p95": confidence_p95, "null_reasons": nulls},
    )


def test_largest_effect_of_each_target_by_pitch_then_confidence() -> None:
    sizes = [
        ("a", 0.0, 0),
        ("b", 0.2, 0),
        ("c", None, 0),
        ("d", 3.0, 0),
        ("e", 0.2, 0.1),
        ("f", 0.0, 0.01),
        ("d", 2.0, 1),
    ]
    effects = [effect(cents, confidence, target) for target, cents, confidence in sizes]
    assert largest_effects(effects, 3) == [3, 4, 1]
    assert largest_effects(effects, 9) == [3, 4, 1, 5], "one of each target, and none without an effect"


SMALL = f"""{LEAST_RECIPE}
frontend: low-rank
frontend_tolerance: 1e-2
lowering: {{prefilter: fourier-halved, prefilter_band: 0.1, toeplitz: block}}
quantization: {{parts: {{encoder.first: int8-dynamic}}}}
audio: {{calibrate: [synthetic/score/sung], score: [synthetic/calibrate/tone]}}
"""


@pytest.mark.slow
def test_sensitivity_of_a_real_recipe(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "small.yaml").write_text(SMALL)
    Path("here").mkdir()
    Path("here/sensitivity.json").write_text(json.dumps({"fingerprint": "0"}))  # of another recipe: it is renamed
    monkeypatch.setattr("workbench.workflows.sensitivity.changes.TOLERANCES", (1e-3, 3e-2))
    monkeypatch.setattr("workbench.workflows.sensitivity.changes.BANDS", (0.2,))
    command = ("sensitivity", "small.yaml", "--out", "here", "--check", "1", "--json")
    simulate = sensitivity._Simulator.__call__

    def killed(self: object, change: object) -> Effect:
        raise KeyboardInterrupt

    calls = [simulate, simulate, simulate, killed]
    monkeypatch.setattr(sensitivity._Simulator, "__call__", lambda self, change: calls.pop(0)(self, change))
    assert "go on with: workbench sensitivity small.yaml" in workbench(*command).stderr
    assert len(json.loads(Path("here/sensitivity.json").read_text())["effects"]) == 3
    monkeypatch.setattr(sensitivity._Simulator, "__call__", simulate)
    printed = workbench(*command)
    assert printed.exit_code == 0, printed.stderr
    record = Sensitivity.model_validate_json(Path("here/sensitivity.json").read_bytes())
    assert json.loads(printed.stdout)["effects"] == json.loads(Path("here/sensitivity.json").read_text())["effects"]
    assert len(record.effects) == record.planned and len(list(Path("here").glob("sensitivity-*.json"))) == 1
    assert Path("here/sensitivity.png").read_bytes().startswith(b"\x89PNG")
    assert {effect.target for effect in record.effects if effect.kind == "key"} == {
        "frontend_tolerance",
        "lowering.prefilter_band",
        "lowering.toeplitz_block",
    }
    assert all(effect.pitch_p95_cents == 0 for effect in record.effects if effect.choice == "none")
    (checked,) = [effect for effect in record.effects if effect.lowered]
    assert checked.lowered and checked.pitch_p95_cents and checked.lowered.pitch_p95_cents
    assert checked.lowered.pitch_p95_cents == pytest.approx(checked.pitch_p95_cents, rel=0.1)
    before = Path("here/sensitivity.json").read_bytes()
    assert "sensitivity.png" in workbench(*command[:-1]).stdout
    assert Path("here/sensitivity.json").read_bytes() == before
