"""A profile as a workflow: recipes that are refused, what its command leaves; and, slow, a real one."""

import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from tests.helpers.programs import ProgramFactory
from tests.helpers.project import LEAST_RECIPE, workbench
from workbench.errors import RecipeError
from workbench.measure.speed import ColdStart
from workbench.records.profile import Profile
from workbench.workflows import probes, profile
from workbench.workflows.variant import build
from workbench.workflows.variant.prepare import PreparedVariant


@pytest.mark.parametrize(
    ("everywhere", "backend", "state", "key"),
    [
        (True, "xnnpack", "internal", "quantization.everywhere"),
        (False, "portable", "internal", "lowering.backend"),
        (False, "xnnpack", "none", "state"),
    ],
)
def test_program_without_parts_is_refused(everywhere: bool, backend: str, state: str, key: str) -> None:
    keys = {"quantization": SimpleNamespace(everywhere=everywhere), "lowering": SimpleNamespace(backend=backend)}
    variant: Any = SimpleNamespace(recipe=SimpleNamespace(source=Path("r.yaml"), state=state, **keys))
    with pytest.raises(RecipeError, match=rf"^r\.yaml: {key}: "):
        profile.check(variant)


@pytest.mark.slow
def test_profile_of_a_real_program(project: Path, program_for: ProgramFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "_export", program_for.export)
    check_unchanged = Mock()
    monkeypatch.setattr(PreparedVariant, "check_unchanged", check_unchanged)
    monkeypatch.setattr(build, "trial_run", lambda *_: ColdStart(1.0, 1.0, 1))
    monkeypatch.setattr(probes, "_SIDES", (64,))
    monkeypatch.setattr(probes, "last_cache_bytes", lambda: 100_000)
    (project / "two.yaml").write_text(f"{LEAST_RECIPE.replace('mirror: 1', '')}matrix: {{mirror: [0, 1]}}\n")
    words = ("profile", "two.yaml", "--variant", "two@mirror=1", "--rounds", "3", "--out", "here")
    printed = workbench(*words, "--json")
    assert printed.exit_code == 0, printed.stderr
    assert check_unchanged.call_count == 2, "after the build, and after everything is timed"
    result = Profile.model_validate_json(Path("here/profile.json").read_bytes())
    assert json.loads(printed.stdout) == {"folder": "here", **json.loads(Path("here/profile.json").read_bytes())}
    steps = ("norm", "first", "prefilter.0", "prefilter.1", "narrow", "toeplitz")
    names = ["frontend", "log", *(f"encoder.{step}" for step in steps), "reduce", "confidence", "total"]
    assert [part.name for part in result.parts] == names
    weights: Counter[str] = Counter()
    for part in result.parts:
        weights[".".join(part.name.split(".")[:2])] += part.weight_bytes
    assert {name: size for name, size in weights.items() if size} == result.program.bytes_by_part
    assert result.totals.pitch_difference_max_cents <= 0.01
    assert result.events is not None and "DELEGATE_CALL" in {event.name for event in result.events}
    assert {path.name for path in Path("here").iterdir()} == {
        "profile.json",
        "profile.png",
        "program.json",
        "program.pte",
    }
    assert Path("here/profile.png").read_bytes().startswith(b"\x89PNG")
    profiled = Mock(return_value=result)
    monkeypatch.setattr(profile, "profile", profiled)
    assert workbench(*words).stdout.startswith("two@mirror=1: 16000 Hz, ")
    assert profiled.call_args.args[0].recipe.mirror == 1
