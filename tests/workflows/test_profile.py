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

STORED = Path(__file__).parents[2] / "docs" / "profiles" / "float-xnnpack.json"


@pytest.mark.parametrize(
    ("everywhere", "backend", "state", "key"),
    [
        (True, "xnnpack", "internal", "quantization.everywhere"),
        (False, "portable", "internal", "lowering.backend"),
        (False, "xnnpack", "none", "state"),
    ],
)
def test_program_without_parts_is_refused(everywhere: bool, backend: str, state: str, key: str) -> None:
    recipe = SimpleNamespace(
        source=Path("r.yaml"),
        quantization=SimpleNamespace(everywhere=everywhere),
        lowering=SimpleNamespace(backend=backend),
        state=state,
    )
    variant: Any = SimpleNamespace(recipe=recipe)
    with pytest.raises(RecipeError, match=rf"^r\.yaml: {key}: "):
        profile.check(variant)


def test_profile_of_a_named_variant_is_printed_and_stored(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profiled = Mock(return_value=Profile.model_validate_json(STORED.read_bytes()))
    monkeypatch.setattr(profile, "profile", profiled)
    (project / "two.yaml").write_text(f"{LEAST_RECIPE.replace('mirror: 1', '')}matrix: {{mirror: [0, 1]}}\n")
    words = ("profile", "two.yaml", "--variant", "two@mirror=0", "--out", "here")
    shown, printed = workbench(*words), workbench(*words, "--json")
    assert (shown.exit_code, printed.exit_code) == (0, 0)
    recipe = profiled.call_args.args[0].recipe
    assert (recipe.name, recipe.mirror) == ("two@mirror=0", 0)
    assert shown.stdout.startswith("float-xnnpack: 48000 Hz, ")
    assert Path("here/profile.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads(printed.stdout) == {"folder": "here", **json.loads(Path("here/profile.json").read_bytes())}


@pytest.mark.slow
def test_profile_of_a_real_program(project: Path, program_for: ProgramFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "_export", program_for.export)
    check_unchanged = Mock()
    monkeypatch.setattr(PreparedVariant, "check_unchanged", check_unchanged)
    monkeypatch.setattr(build, "trial_run", lambda *_: ColdStart(1.0, 1.0, 1))
    monkeypatch.setattr(probes, "_SIDES", (64,))
    monkeypatch.setattr(probes, "last_cache_bytes", lambda: 100_000)
    shown = workbench("profile", "least.yaml", "--rounds", "3", "--out", "here", "--json")
    assert shown.exit_code == 0, shown.stderr
    result = Profile.model_validate_json(Path("here/profile.json").read_bytes())
    assert [part.name for part in result.parts] == [
        "frontend",
        "log",
        *(f"encoder.{step}" for step in ("norm", "first", "prefilter.0", "prefilter.1", "narrow", "toeplitz")),
        "reduce",
        "confidence",
        "total",
    ]
    weights: Counter[str] = Counter()
    for part in result.parts:
        weights[".".join(part.name.split(".")[:2])] += part.weight_bytes
    assert {name: size for name, size in weights.items() if size} == result.program.bytes_by_part
    assert result.totals.pitch_difference_max_cents <= 0.01
    assert result.events is None, "the wheel of ExecuTorch records no events"
    assert sorted(path.name for path in Path("here").iterdir()) == [
        "profile.json",
        "profile.png",
        "program.json",
        "program.pte",
    ]
    assert check_unchanged.call_count == 2, "after the build, and after everything is timed"
