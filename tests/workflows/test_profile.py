"""What made-up times amount to, who is refused, what is printed; and, slow, all of it for real."""

import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result

from tests.helpers.profile_figures import CALLS, ROUNDS, profile_figures
from workbench.cli import main
from workbench.errors import ChangedError
from workbench.export.program_file import ProgramFile, describe
from workbench.measure.operators.events import NO_TRACER, record_events
from workbench.measure.speed import TimingPlan
from workbench.measure.timing import ColdStart
from workbench.progress import Progress
from workbench.recipe.stream_config import StreamConfig
from workbench.records.environment import environment
from workbench.records.profile import Profile
from workbench.records.result import RecipeUsed
from workbench.runtime.isolation import IsolatedProcess
from workbench.workflows import probes, profile
from workbench.workflows.variant.build import Built

if TYPE_CHECKING:
    from workbench.export.program_file import ExportedProgram


def made_up(program_us: float = 2_342.0, total_us: list[float] | None = None) -> Profile:
    found = profile_figures(program_us, total_us)
    return Profile(
        created="2025-01-01T00:00:00+00:00",
        recipe=RecipeUsed(name="least", sha256="0", resolved={}),
        environment=environment(1),
        instructions=("fma", "avx2"),
        program=program_file(),
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


def program_file() -> ProgramFile:
    from workbench.export.program_file import ExecutorchNodes, ExportedProgram

    nodes = ExecutorchNodes({}, {}, ())
    return describe(ExportedProgram(b"", "pte", {}, {}, {}, {}, {}, nodes), "program.pte", "internal")


# --- the command

MANIFEST = """
calibrate:
  - {name: tone, kind: tones, notes: [57], note_s: 0.2, gap_s: 0.1, harmonics: 3, level_dbfs: -20}
score:
  - {name: sung, kind: tones, notes: [57, 60, 62], note_s: 1.0, gap_s: 0.1, harmonics: 12, level_dbfs: -12}
"""
RECIPE = """
description: A test
sample_rate_hz: 16000
chunk_samples: 320
mirror: 1
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of one recipe and two short clips, as the current folder."""
    (tmp_path / "calib_audio").mkdir()
    (tmp_path / "calib_audio" / "manifest.yaml").write_text(MANIFEST)
    (tmp_path / "least.yaml").write_text(RECIPE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def workbench(*words: str | Path) -> Result:
    result = CliRunner().invoke(main, ["profile", *(str(word) for word in words)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            "quantization: {everywhere: true}",
            "quantization.everywhere: a graph quantized at once has no parts to time",
        ),
        ("lowering: {backend: portable}", "lowering.backend: only xnnpack has a peak to hold parts to, got portable"),
    ],
)
def test_programs_without_parts_are_refused(folder: Path, more: str, message: str) -> None:
    (folder / "least.yaml").write_text(f"{RECIPE}{more}\n")
    result = workbench("least.yaml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == f"error: least.yaml: {message}"
    assert not Path("outputs").exists()


def test_a_variant_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "two.yaml").write_text(f"{RECIPE}matrix: {{mirror: [0, 1]}}\n")
    profiled = []
    monkeypatch.setattr(profile, "profile", lambda job, *_: profiled.append(job.recipe) or made_up())
    assert workbench("two.yaml", "--variant", "two@mirror=0", "--out", "here").exit_code == 0
    assert [(recipe.name, recipe.mirror) for recipe in profiled] == [("two@mirror=0", 0)]


def test_a_table_a_record_and_a_picture(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile, "profile", lambda *_: made_up())
    result = workbench("least.yaml", "--out", "here")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith("least: 16000 Hz, 320-sample calls (20 ms), mirror 1; 1 thread, ")
    assert [line.split()[0] for line in lines[2:6]] == ["frontend", "log", "encoder", "total"]
    assert f"  {NO_TRACER}" in lines
    assert Path("here/profile.png").read_bytes().startswith(b"\x89PNG")
    printed = json.loads(workbench("least.yaml", "--out", "here", "--json").stdout)
    assert printed.pop("folder") == "here"
    assert printed == json.loads(Path("here/profile.json").read_bytes())


def test_what_changed_while_it_was_timed_has_no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def changed() -> None:
        raise ChangedError("own.ckpt: changed while it was used; run again")

    monkeypatch.setattr(
        profile.building, "build", lambda *_: SimpleNamespace(program=SimpleNamespace(path="program.pte"), reused=False)
    )
    monkeypatch.setattr(profile, "_lower_parts", lambda *_: ([], []))
    monkeypatch.setattr(profile, "build_probes", lambda *_: [])
    monkeypatch.setattr(profile, "lower_module", lambda *_: (b"", 0))
    monkeypatch.setattr(profile.IsolatedProcess, "call", lambda *_: None)
    monkeypatch.setattr(profile, "_events", lambda *_: ())
    job = SimpleNamespace(
        recipe=SimpleNamespace(state="internal"),
        stream=StreamConfig(16_000, 320, 1, 1.0),
        model=SimpleNamespace(outputs=("pitch",)),
        scored_clips=[SimpleNamespace(samples=np.ones(640, np.float32))],
        check_unchanged=changed,
    )
    plan = TimingPlan(torch.get_num_threads(), 3, 5, 2)
    with pytest.raises(ChangedError):
        profile._profiled(job, tmp_path, plan, Progress(), False, None)  # type: ignore[arg-type]


# --- all of it


@pytest.mark.slow
def test_the_wheel_records_no_events(program: Path) -> None:
    with IsolatedProcess() as child:
        assert child.call(record_events, program, [np.zeros((1, 320), np.float32)], None) == []


@pytest.mark.slow
def test_a_profile_for_real(
    folder: Path, program: Path, lowered: "ExportedProgram", monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(job: object, place: Path, *_: object) -> Built:
        """The recipe's program, which other tests have too."""
        place.mkdir(exist_ok=True)
        (place / "program.pte").write_bytes(program.read_bytes())
        described = describe(lowered, "program.pte", "internal")
        return Built(described, ColdStart(1.0, 1.0, 1), "", reused=False)

    monkeypatch.setattr(profile.building, "build", build)
    monkeypatch.setattr(probes, "_SIDES", (64,))
    monkeypatch.setattr(probes, "last_cache_bytes", lambda: 100_000)
    result = workbench("least.yaml", "--rounds", "3", "--out", "here", "--json")
    assert result.exit_code == 0, result.stderr
    record = Profile.model_validate_json(Path("here/profile.json").read_bytes())
    assert [part.name for part in record.parts] == [
        "frontend",
        "log",
        *(f"encoder.{step}" for step in ("norm", "first", "prefilter.0", "prefilter.1", "narrow", "toeplitz")),
        "reduce",
        "confidence",
        "total",
    ]
    stored: Counter[str] = Counter()
    for part in record.parts:
        stored[".".join(part.name.split(".")[:2])] += part.weight_bytes
    assert {name: size for name, size in stored.items() if size} == record.program.bytes_by_part
    assert record.totals.pitch_difference_max_cents <= 0.01
    assert record.events is None
    assert sorted(path.name for path in Path("here").iterdir()) == ["profile.json", "profile.png", "program.pte"]
