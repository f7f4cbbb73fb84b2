"""A profile as a workflow: recipes that are refused, what its command leaves; and, slow, a real one."""

import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.helpers.profile_figures import CALLS, ROUNDS, profile_figures
from tests.helpers.project import LEAST_RECIPE, workbench
from tests.helpers.results import stored
from workbench.errors import ChangedError, RecipeError
from workbench.export.program_file import ExportedProgram, describe
from workbench.measure.operators.events import NO_TRACER, record_events
from workbench.measure.speed import ColdStart, TimingPlan
from workbench.progress import Progress
from workbench.recipe.stream_config import StreamConfig
from workbench.records.environment import environment
from workbench.records.profile import Profile
from workbench.runtime.isolation import IsolatedProcess
from workbench.workflows import probes, profile
from workbench.workflows.variant.build import Built


def made_up_profile() -> Profile:
    found, result = profile_figures(), stored(renamed="least")
    return Profile(
        created=result.created,
        recipe=result.recipe,
        environment=environment(1),
        instructions=("fma", "avx2"),
        program=result.program,
        sample_rate_hz=16_000,
        chunk_samples=320,
        frames_per_chunk=1,
        streams=1,
        mirror=1.0,
        clip="synthetic/score/a",
        rounds=ROUNDS,
        calls_per_round=CALLS,
        warmup_calls=2,
        seed=7,
        totals=found.totals,
        parts=found.parts,
        peaks=found.peaks,
        events=None,
        null_reasons={"events": NO_TRACER},
    )


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"quantization": SimpleNamespace(everywhere=True)}, "quantization.everywhere"),
        ({"lowering": SimpleNamespace(backend="portable")}, "lowering.backend"),
        ({"state": "none"}, "state"),
    ],
)
def test_program_without_parts_is_refused(values: dict[str, object], key: str) -> None:
    usable = {
        "quantization": SimpleNamespace(everywhere=False),
        "lowering": SimpleNamespace(backend="xnnpack"),
        "state": "internal",
    }
    variant: Any = SimpleNamespace(recipe=SimpleNamespace(source=Path("r.yaml"), **{**usable, **values}))
    with pytest.raises(RecipeError, match=rf"^r\.yaml: {key}: "):
        profile.check(variant)


def test_profile_of_a_named_variant_is_printed_and_stored(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def profiled(variant: Any, *_: object) -> Profile:
        recipes.append((variant.recipe.name, variant.recipe.mirror))
        return made_up_profile()

    recipes: list[tuple[str, float]] = []
    monkeypatch.setattr(profile, "profile", profiled)
    (project / "two.yaml").write_text(f"{LEAST_RECIPE.replace('mirror: 1', '')}matrix: {{mirror: [0, 1]}}\n")
    words = ("profile", "two.yaml", "--variant", "two@mirror=0", "--out", "here")
    shown = workbench(*words)
    assert shown.exit_code == 0
    assert recipes == [("two@mirror=0", 0)]
    lines = shown.stdout.splitlines()
    assert lines[0].startswith("least: 16000 Hz, 320-sample calls (20 ms), mirror 1; 1 thread, ")
    assert [line.split()[0] for line in lines[2:6]] == ["frontend", "log", "encoder", "total"]
    assert f"  {NO_TRACER}" in lines
    assert Path("here/profile.png").read_bytes().startswith(b"\x89PNG")
    printed = json.loads(workbench(*words, "--json").stdout)
    assert printed == {"folder": "here", **json.loads(Path("here/profile.json").read_bytes())}


def test_change_during_a_profile_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def changed() -> None:
        raise ChangedError("own.ckpt: changed")

    built = SimpleNamespace(program=SimpleNamespace(path="program.pte"), reused=False)
    for name, step in {
        "build": lambda *_: built,
        "_lower_parts": lambda *_: profile._LoweredParts((), ()),
        "build_probes": lambda *_: [],
        "lower_module": lambda *_: (b"", 0),
        "_record_events": lambda *_: (),
    }.items():
        monkeypatch.setattr(profile, name, step)
    monkeypatch.setattr(profile.IsolatedProcess, "call", lambda *_: None)
    variant: Any = SimpleNamespace(
        recipe=SimpleNamespace(state="internal"),
        stream=StreamConfig(16_000, 320, 1, 1.0),
        model=SimpleNamespace(outputs=("pitch",)),
        scored_clips=[SimpleNamespace(samples=np.ones(640, np.float32))],
        check_unchanged=changed,
    )
    with pytest.raises(ChangedError):
        profile._profile(variant, tmp_path, TimingPlan(1, 3, 5, 2), Progress(), False, None)


@pytest.mark.slow
def test_wheel_of_executorch_records_no_events(program: Path) -> None:
    with IsolatedProcess() as child:
        assert child.call(record_events, program, [np.zeros((1, 320), np.float32)], None) == []


@pytest.mark.slow
def test_profile_of_a_real_program(
    project: Path, program: Path, lowered: ExportedProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(_: object, folder: Path, *__: object) -> Built:
        folder.mkdir(exist_ok=True)
        (folder / "program.pte").write_bytes(program.read_bytes())
        described = describe(lowered, "program.pte", "internal")
        return Built(described, ColdStart(1.0, 1.0, 1), "", reused=False)

    monkeypatch.setattr(profile, "build", build)
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
    assert result.events is None
    assert sorted(path.name for path in Path("here").iterdir()) == ["profile.json", "profile.png", "program.pte"]
