"""The timing of a bench: which audio, what ends it, what its command leaves; and, slow, a whole bench."""

import json
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock as Mock

import numpy as np
import pytest

from tests.helpers.models.programs import ProgramFactory
from tests.helpers.project import workbench
from tests.helpers.records.bench import BASELINE, contender
from workbench.audio.decode import Clip
from workbench.errors import ChangedError, NativeHostError
from workbench.extras import ONNX
from workbench.measure.bench.worker import ContenderTimes
from workbench.measure.native_speed import NativeSide, NativeStart, NativeTimes
from workbench.measure.speed import TimingPlan
from workbench.progress import Progress
from workbench.recipe.stream_config import StreamConfig
from workbench.records.bench import Bench, NotRun
from workbench.workflows.bench import build, run
from workbench.workflows.bench.build import BuiltContenders
from workbench.workflows.bench.contenders import REFERENCE_EXPORT, BenchSetup
from workbench.workflows.bench.run import excerpt, run_bench
from workbench.workflows.variant import build as variant_build

STORED = Bench.model_validate_json((Path(__file__).parents[3] / "docs" / "records" / "bench.json").read_bytes())


def clip(samples: np.ndarray) -> Clip:
    return Clip("a", Path("a.wav"), "0", 10, np.asarray(samples, np.float32), 10, 1, None)


def test_excerpt_is_the_middle_of_every_clip() -> None:
    long, short = clip(np.arange(100)), clip(np.arange(1000, 1010))
    np.testing.assert_array_equal(excerpt([long, short], seconds=4.0), [*range(40, 60), *range(1000, 1010)])


@pytest.mark.parametrize("changed", ["nothing", "program.pte", "own.ckpt"])
def test_change_during_a_bench_is_an_error(changed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def timed(*_: object) -> Any:
        if changed == "program.pte":
            file.write_bytes(b"54321")
        if changed == "own.ckpt":
            variant.check_unchanged.side_effect = ChangedError("own.ckpt: changed")
        return STORED.runs[0]

    file = tmp_path / "program.pte"
    file.write_bytes(b"12345")
    monkeypatch.setattr(run, "_run", timed)
    scoring = SimpleNamespace(voiced_confidence=0.5)
    recipe, model = SimpleNamespace(scoring=scoring), SimpleNamespace(algorithmic_ms=10.0)
    variant: Any = Mock(baseline=BASELINE, recipe=recipe, model=model, scored_clips=(clip(np.zeros(20)),))
    built = BuiltContenders((contender("eager", file), contender("fast", file)), variants=(variant,))
    arguments = (BenchSetup({REFERENCE_EXPORT: variant}, {}), built, [TimingPlan(1, 3, 5, 2)], Progress())
    if changed == "nothing":
        assert run_bench(*arguments).clips == ("a",)
    else:
        with pytest.raises(ChangedError, match=changed):
            run_bench(*arguments)


@pytest.mark.parametrize(
    ("host", "ends", "reason"),
    [
        (Path("host"), False, None),
        (Path("host"), True, "the native host ended"),
        (NativeHostError("no compiler"), False, "no compiler"),
    ],
    ids=["native", "the host ends", "no host"],
)
def test_program_without_a_native_host_is_timed_in_python(
    host: Path | NativeHostError, ends: bool, reason: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def alternating(_: object, __: object, hosts: dict[str, Path]) -> Any:
        if hosts and ends:
            raise NativeHostError("the native host ended")
        native = {name: NativeTimes(np.ones((3, 5)), 0.0) for name in hosts}
        return {name: ContenderTimes(np.ones((3, 5)), native.get(name)) for name in ("eager", "fast")}

    file = tmp_path / "program.pte"
    file.write_bytes(b"12345")
    worker = Mock(call=Mock(side_effect=lambda method, *rest: alternating(method, *rest) if len(rest) > 1 else Mock()))
    child = Mock(start=lambda *_: worker)
    monkeypatch.setattr(run, "IsolatedProcess", lambda *_: Mock(__enter__=lambda _: child, __exit__=lambda *_: None))
    monkeypatch.setattr(run, "background_load", nullcontext)
    side = NativeSide(Path("host"), NativeStart(1.0, 2.0, None))
    monkeypatch.setattr(run, "start_natively", lambda *_: side)
    seen = Mock(return_value=())
    monkeypatch.setattr(run, "figures", seen)
    built = BuiltContenders((contender("eager", file), contender("fast", file)))
    run._run(built, np.zeros(20, np.float32), 0.5, TimingPlan(1, 3, 5, 2), host, Progress())
    (eager, fast), _ = seen.call_args.args
    assert str(eager.native) == "the native host runs .pte programs only"
    assert str(fast.native) == reason if reason else fast.native.start == side.start


@pytest.mark.parametrize(("name", "exit_code"), [("onnx", 0), ("least", 1)])
def test_bench_is_printed_and_stored(name: str, exit_code: int, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a requested contender that does not run fails. The times are stored ones."""

    def run_bench(setup: BenchSetup, built: BuiltContenders, plans: list[TimingPlan], *_: object) -> Bench:
        assert [(plan.threads, plan.rounds, plan.chunks_per_round) for plan in plans] == [(1, 9, 8), (2, 9, 8)]
        run = STORED.runs[0].replace(not_run=(NotRun(name=name, reason="failed"),))
        return STORED.replace(runs=tuple(run.replace(threads=plan.threads) for plan in plans))

    monkeypatch.setattr(build, "build_contenders", lambda *_: BuiltContenders((), {name: "failed"}))
    monkeypatch.setattr(run, "run_bench", run_bench)
    words = ("bench", "least.yaml", "--threads", "1,2", "--rounds", "9", "--chunks-per-round", "8", "--out", "here")
    shown, printed = workbench(*words), workbench(*words, "--json")
    assert (shown.exit_code, printed.exit_code) == (exit_code, exit_code)
    assert {"1 thread", "2 threads", f"  {name}: not run: failed"} < set(shown.stdout.splitlines())
    assert json.loads(printed.stdout) == {"folder": "here", **json.loads(Path("here/bench.json").read_bytes())}
    assert Path("here/bench.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_bench_with_real_programs(
    project: Path, program: Path, program_for: ProgramFactory, stream: StreamConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ONNX program is that of other tests; TorchScript is exported as a bench does it."""
    export = build._Exported.build

    def build_exported(spec: build._Exported, folder: Path, progress: Progress) -> Path:
        is_onnx = spec.file_name.endswith(".onnx")
        return program_for(stream, "explicit", backend="onnx") if is_onnx else export(spec, folder, progress)

    monkeypatch.setattr(build._Exported, "build", build_exported)
    monkeypatch.setattr(variant_build, "_export", program_for.export)
    monkeypatch.setattr(run, "_PACED_CALLS", 10)
    options = ("--rounds", "3", "--chunks-per-round", "5", "--out", "here", "--json")
    result = workbench("bench", program, *options)
    assert result.exit_code == 0, result.stderr
    bench = Bench.model_validate_json(Path("here/bench.json").read_bytes())
    found = {figures.name: figures for figures in bench.runs[0].contenders}
    onnx = [] if ONNX.missing_hint() else ["onnx"]
    assert list(found) == ["eager", "torchscript", *onnx, "first-experiments", program.parent.name]
    assert [missing.name for missing in bench.runs[0].not_run] == ([] if onnx else ["onnx"])
    assert (bench.sample_rate_hz, bench.chunk_samples, bench.mirror) == (16_000, 320, 1)
    for name, figures in found.items():
        assert figures.voiced_frames > 100
        assert name == "eager" or (figures.pitch is not None and figures.pitch.p95_cents < 0.01)
        assert figures.under_load.calls == 10 and len(figures.round_p50_ms) == 3
        assert (figures.native is not None) == (figures.file.endswith(".pte")), figures.null_reasons
        assert set(figures.ratios) == set(found) - {name}
