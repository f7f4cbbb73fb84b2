"""The timing of a bench: which audio, what ends it, what its command leaves; and, slow, a whole bench."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.helpers.bench import BASELINE, contender
from tests.helpers.project import workbench
from workbench.audio.decode import Clip
from workbench.errors import ChangedError
from workbench.export.onnx import ONNX_EXTRA
from workbench.measure.speed import TimingPlan
from workbench.progress import Progress
from workbench.records.bench import Bench, NotRun
from workbench.workflows.bench import build, run
from workbench.workflows.bench.build import BuiltContenders
from workbench.workflows.bench.contenders import REFERENCE_EXPORT, BenchSetup
from workbench.workflows.bench.run import excerpt, run_bench

STORED = Bench.model_validate_json((Path(__file__).parents[3] / "docs" / "records" / "bench.json").read_bytes())


def clip(samples: np.ndarray, name: str = "a") -> Clip:
    return Clip(name, Path(f"{name}.wav"), "0", 10, np.asarray(samples, np.float32), 10, 1, None)


def test_excerpt_is_the_middle_of_every_clip() -> None:
    long, short = clip(np.arange(100)), clip(np.arange(1000, 1010), "b")
    np.testing.assert_array_equal(excerpt([long, short], seconds=4.0), [*range(40, 60), *range(1000, 1010)])


@pytest.mark.parametrize("changed", ["nothing", "program", "checkpoint"])
def test_change_during_a_bench_is_an_error(changed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def check_unchanged() -> None:
        if changed == "checkpoint":
            raise ChangedError("own.ckpt: changed")

    def timed(*_: object) -> Any:
        file.write_bytes(b"54321" if changed == "program" else b"12345")
        return STORED.runs[0]

    file = tmp_path / "program.pte"
    file.write_bytes(b"12345")
    monkeypatch.setattr(run, "_run", timed)
    recipe = SimpleNamespace(scoring=SimpleNamespace(voiced_confidence=0.5))
    variant: Any = SimpleNamespace(
        baseline=BASELINE, recipe=recipe, scored_clips=(clip(np.zeros(20)),), check_unchanged=check_unchanged
    )
    contenders = tuple(contender(name, file) for name in ("eager", "fast"))
    arguments = (
        BenchSetup({REFERENCE_EXPORT: variant}, {}),
        BuiltContenders(contenders, variants=(variant,)),
        [TimingPlan(1, 3, 5, 2)],
        Progress(),
    )
    if changed == "nothing":
        assert run_bench(*arguments).clips == ("a",)
    else:
        with pytest.raises(ChangedError, match=r"^own\.ckpt" if changed == "checkpoint" else "program.pte"):
            run_bench(*arguments)


@pytest.fixture
def plans(project: Path, monkeypatch: pytest.MonkeyPatch) -> list[TimingPlan]:
    """`workbench bench` whose contenders are not built and whose times are stored ones; the plans that it makes."""
    plans: list[TimingPlan] = []

    def run_bench(setup: BenchSetup, built: BuiltContenders, given: list[TimingPlan], progress: Progress) -> Bench:
        plans.extend(given)
        not_run = tuple(NotRun(name=name, reason=reason) for name, reason in built.not_run.items())
        runs = [STORED.runs[0].replace(threads=plan.threads, not_run=not_run) for plan in given]
        return STORED.replace(runs=tuple(runs))

    monkeypatch.setattr(build, "build_contenders", lambda *_: BuiltContenders((), {"onnx": "not installed"}))
    monkeypatch.setattr(run, "run_bench", run_bench)
    return plans


def test_bench_times_each_number_of_threads(plans: list[TimingPlan]) -> None:
    options = ("--threads", "1,2", "--rounds", "9", "--chunks-per-round", "8", "--out", "here")
    result = workbench("bench", "least.yaml", *options)
    assert result.exit_code == 0
    assert [(plan.threads, plan.rounds, plan.chunks_per_round) for plan in plans] == [(1, 9, 8), (2, 9, 8)]
    assert [line for line in result.stdout.splitlines() if line in ("1 thread", "2 threads")] == [
        "1 thread",
        "2 threads",
    ]
    assert Bench.model_validate_json(Path("here/bench.json").read_bytes()).runs[1].threads == 2
    assert Path("here/bench.png").read_bytes().startswith(b"\x89PNG")


def test_json_output_is_the_stored_bench(plans: list[TimingPlan]) -> None:
    printed = json.loads(workbench("bench", "least.yaml", "--json", "--out", "here").stdout)
    assert printed.pop("folder") == "here"
    assert printed == json.loads(Path("here/bench.json").read_bytes())


def test_requested_contender_that_does_not_run_is_exit_code_1(
    plans: list[TimingPlan], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "build_contenders", lambda *_: BuiltContenders((), {"least": "lowering failed"}))
    result = workbench("bench", "least.yaml", "--out", "here")
    assert result.exit_code == 1
    assert "  least: not run: lowering failed" in result.stdout.splitlines()


@pytest.mark.slow
def test_bench_with_real_programs(project: Path, program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_PACED_CALLS", 10)
    options = ("--rounds", "3", "--chunks-per-round", "5", "--out", "here", "--json")
    result = workbench("bench", "least.yaml", program, *options)
    assert result.exit_code == 0, result.stderr
    bench = Bench.model_validate_json(Path("here/bench.json").read_bytes())
    found = {figures.name: figures for figures in bench.runs[0].contenders}
    onnx = [] if ONNX_EXTRA.missing_hint() else ["onnx", "onnx-least"]
    assert list(found) == ["eager", "torchscript", *onnx, "first-experiments", "least", program.parent.name]
    assert [missing.name for missing in bench.runs[0].not_run] == ([] if onnx else ["onnx"])
    assert (bench.sample_rate_hz, bench.chunk_samples, bench.mirror) == (16_000, 320, 1)
    for name, figures in found.items():
        assert figures.voiced_frames > 100
        assert name == "eager" or (figures.pitch is not None and figures.pitch.p95_cents < 0.01)
        assert figures.under_load.calls == 10 and len(figures.round_p50_ms) == 3
        assert set(figures.ratios) == set(found) - {name}
