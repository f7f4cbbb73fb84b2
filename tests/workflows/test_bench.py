"""What made-up times amount to, who is refused, what is printed; and, slow, all of it for real."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from tests.helpers.bench import BASELINE, contender, contender_figures
from workbench.audio.decode import Clip
from workbench.cli import main
from workbench.errors import ChangedError, LoweringError, ProgramError, WorkbenchError
from workbench.export.exporter import Extra
from workbench.export.onnx import ONNX_EXTRA
from workbench.measure.speed import TimingPlan
from workbench.progress import Progress
from workbench.records.bench import Bench, NotRun, Run
from workbench.records.environment import environment
from workbench.storage.atomic import write_atomic
from workbench.workflows import bench
from workbench.workflows import contenders as entries
from workbench.workflows.bench import BuiltContenders, excerpt
from workbench.workflows.contenders import BenchSetup


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "program.pte"
    path.write_bytes(b"12345")
    return path


# --- who runs


def clip(samples: np.ndarray, name: str = "a") -> Clip:
    return Clip(name, Path(f"{name}.wav"), "0", 10, np.asarray(samples, np.float32), 10, 1, None)


def test_the_excerpt_is_the_middle_of_every_clip() -> None:
    long, short = clip(np.arange(100)), clip(np.arange(1000, 1010), "b")
    np.testing.assert_array_equal(excerpt([long, short], seconds=4.0), [*range(40, 60), *range(1000, 1010)])


KEYS = {
    "sample_rate_hz": 48_000,
    "chunk_samples": 960,
    "frames_per_chunk": 1,
    "mirror": 1.0,
    "streams": 1,
    "reduction": "alwa",
}


def test_all_are_of_one_stream() -> None:
    with_checkpoint = {**KEYS, "checkpoint": "mir-1k_g7"}
    assert entries._in_common({"a.pte": KEYS, "b": with_checkpoint, "c": with_checkpoint}) == with_checkpoint
    with pytest.raises(WorkbenchError) as caught:
        entries._in_common({"a": KEYS, "b": {**KEYS, "sample_rate_hz": 16_000, "mirror": 0.0}})
    assert str(caught.value) == (
        "b: sample_rate_hz 16000 and mirror 0.0, where a has 48000 and 1.0; bench contenders of one stream at a time"
    )
    with pytest.raises(WorkbenchError) as caught:
        entries._in_common({"a.pte": KEYS, "b": with_checkpoint, "c": {**KEYS, "checkpoint": "other.ckpt"}})
    assert str(caught.value) == (
        "c: checkpoint other.ckpt, where b has mir-1k_g7; bench contenders of one stream at a time"
    )


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
    result = CliRunner().invoke(main, ["bench", *(str(word) for word in words)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_recipes_of_two_streams_are_refused(folder: Path) -> None:
    (folder / "other.yaml").write_text(RECIPE.replace("16000", "48000").replace("320", "960"))
    result = workbench("least.yaml", "other.yaml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == (
        "error: other: sample_rate_hz 48000 and chunk_samples 960, where least has 16000 and 320; "
        "bench contenders of one stream at a time"
    )
    assert not Path("outputs").exists()


@pytest.mark.parametrize("name", ["eager", "torchscript", "onnx", "first-experiments"])
def test_a_recipe_does_not_take_the_place_of_a_contender_that_is_always_there(folder: Path, name: str) -> None:
    (folder / f"{name}.yaml").write_text(RECIPE)
    result = workbench("least.yaml", f"{name}.yaml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == (
        f"error: {name}.yaml: is called {name}, as one of every bench is; rename it"
    )


def test_nor_of_another_s_graph_in_onnx(folder: Path) -> None:
    (folder / "onnx-least.yaml").write_text(RECIPE)
    result = workbench("onnx-least.yaml", "least.yaml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == (
        "error: onnx-least.yaml: is called onnx-least, as ONNX Runtime on the graph of least is; rename it"
    )
    assert not Path("outputs").exists()


def test_a_program_of_a_name_that_is_taken_goes_by_its_path(monkeypatch: pytest.MonkeyPatch) -> None:
    class Telling:
        def __init__(self, limit_s: float) -> None: ...

        def __enter__(self) -> "Telling":
            return self

        def __exit__(self, *_: object) -> None: ...

        def call(self, *_: object) -> dict[str, object]:
            return KEYS

    def prepared(recipe: object) -> SimpleNamespace:
        lowering = SimpleNamespace(backend="xnnpack")
        return SimpleNamespace(quantized=False, recipe=SimpleNamespace(lowering=lowering))

    monkeypatch.setattr(entries, "IsolatedProcess", Telling)
    monkeypatch.setattr(entries, "with_overrides", lambda first, *_, **__: first)
    monkeypatch.setattr(entries, "prepare", prepared)
    monkeypatch.setattr(entries, "_said_by", lambda _: KEYS)
    fast: Any = SimpleNamespace(name="fast")
    programs = [Path("mine/program.pte"), Path("onnx-fast/program.pte"), Path("fast.pte"), Path("your/mine.onnx")]
    entered = entries.collect_contenders([fast], programs, fast, Progress())
    assert list(entered.jobs) == ["first-experiments", "fast"]
    assert entered.onnx == {"first-experiments": "onnx", "fast": "onnx-fast"}
    assert list(entered.programs) == ["mine", "onnx-fast/program.pte", "fast.pte", "your/mine.onnx"]


# --- how it is made: one that fails is listed, and the others run


def test_what_cannot_be_made_is_listed_with_its_reason(
    folder: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Told:
        quantized = True
        baseline = BASELINE
        program_fingerprint, checkpoint_sha256 = "f" * 64, "c" * 64

        class recipe:
            description = "A test"

            class lowering:
                backend = "xnnpack"

    def build(job: object, place: Path, *_: object) -> SimpleNamespace:
        if place.name == "least":
            raise LoweringError("no")
        elsewhere = "not run here: this runtime has no such backend" if place.name == "phone" else ""
        program = SimpleNamespace(path="program.pte", sha256="b" * 64)
        return SimpleNamespace(program=program, unsupported_reason=elsewhere)

    class Dead:
        def __enter__(self) -> "Dead":
            return self

        def __exit__(self, *_: object) -> None: ...

        def call(self, *_: object) -> bytes:
            raise ProgramError("it crashed")

    monkeypatch.setattr(bench.building, "build", build)
    monkeypatch.setattr(bench, "IsolatedProcess", Dead)
    monkeypatch.setattr(Extra, "missing_hint", lambda _: "onnx not installed: pip install it")
    entered = BenchSetup({"first-experiments": Told(), "least": Told(), "phone": Told()}, {"mine": file})  # type: ignore[dict-item]
    ready = bench.build_contenders(entered, folder, Progress())
    assert [one.name for one in ready.contenders] == ["eager", "first-experiments", "mine"]
    assert ready.contenders[0].file.name == "mir-1k_g7.ckpt"
    assert [one.sha256 for one in ready.contenders] == ["c" * 64, "b" * 64, hashlib.sha256(b"12345").hexdigest()]
    assert len(ready.jobs) == 3
    assert ready.not_run == {
        "torchscript": "it crashed",
        "onnx": "onnx not installed: pip install it",
        "least": "no",
        "phone": f"{folder}/phone/program.pte: not run here: this runtime has no such backend",
    }
    for name in ("torchscript", "least"):
        write_atomic(folder / "out" / name / "result.json", b"a run's")
        with pytest.raises(WorkbenchError) as caught:
            bench.build_contenders(entered, folder / "out", Progress())
        assert str(caught.value) == (
            f"{folder}/out/{name}: has a result, whose program would be replaced; choose another --out"
        )
        (folder / "out" / name / "result.json").unlink()


def test_what_changed_while_it_was_timed_has_no_record(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def change() -> None:
        raise ChangedError("own.ckpt: changed while it was used; run again")

    def timed(*_: object) -> Run:
        file.write_bytes(replaced_by)
        return made_up(file).runs[0]

    monkeypatch.setattr(bench, "_run", timed)
    ready = BuiltContenders([contender("eager", file), contender("fast", file)])
    given = ready, [clip(np.zeros(20))], 0.5, [TimingPlan(1, 3, 5, 2)], Progress()
    replaced_by = b"12345"
    assert bench.run(*given).clips == ("a",)
    replaced_by = b"54321"
    with pytest.raises(ChangedError) as caught:
        bench.run(*given)
    assert str(caught.value) == f"{file}: changed while it was used; run again"
    ready.jobs = [SimpleNamespace(check_unchanged=change)]  # type: ignore[list-item]
    with pytest.raises(ChangedError, match=r"^own\.ckpt: changed"):
        bench.run(*given)


# --- what is printed, of made-up figures


def made_up(file: Path, not_run: tuple[NotRun, ...] = ()) -> Bench:
    found = contender_figures(
        file,
        {"eager": [4] * 11, "onnx": [2] * 11, "fast": [1] * 11, "same": [8, 8, *([3] * 9)]},
        {"fast": 0.5, "same": 0.25},
    )
    run = Run(
        threads=1,
        rounds=11,
        chunks_per_round=5,
        warmup_chunks=2,
        seed=7,
        contenders=tuple(found.values()),
        not_run=not_run,
    )
    return Bench(
        created="2025-01-01T00:00:00+00:00",
        environment=environment(2),
        onnxruntime=None,
        checkpoint="mir-1k_g7",
        reduction="alwa",
        sample_rate_hz=48_000,
        chunk_samples=960,
        frames_per_chunk=1,
        streams=1,
        mirror=1.0,
        clips=("a",),
        audio_s=4.0,
        runs=(run, run.model_copy(update={"threads": 2})),
        null_reasons={"onnxruntime": "not installed"},
    )


@pytest.fixture
def faked(folder: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """`workbench bench` with everything real up to making programs, and made-up figures after it."""
    plans: list[object] = []

    def run(
        ready: BuiltContenders, clips: object, threshold: float, asked: Sequence[object], progress: object
    ) -> Bench:
        plans.extend(asked)
        return made_up(file, tuple(NotRun(name=name, reason=why) for name, why in ready.not_run.items()))

    monkeypatch.setattr(bench, "build_contenders", lambda *_: BuiltContenders([], {"onnx": "not installed"}))
    monkeypatch.setattr(bench, "run", run)
    return plans


def test_a_table_for_each_number_of_threads(faked: list[object]) -> None:
    result = workbench("least.yaml", "--threads", "1,2", "--rounds", "9", "--chunks-per-round", "8", "--out", "here")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith("48000 Hz, 960-sample chunks (20 ms), 1 frame a call, mirror 1; ")
    assert [line for line in lines if line in ("1 thread", "2 threads")] == ["1 thread", "2 threads"]
    assert lines.count("  same: inconclusive: its speedup over eager ranges from 0.50 to 1.33 over the rounds") == 2
    assert lines.count("  onnx: not run: not installed") == 2
    assert [(plan.threads, plan.rounds, plan.chunks_per_round) for plan in faked] == [(1, 9, 8), (2, 9, 8)]  # type: ignore[attr-defined]
    assert Bench.model_validate_json(Path("here/bench.json").read_bytes()).runs[1].threads == 2
    assert Path("here/bench.png").read_bytes().startswith(b"\x89PNG")


def test_json_is_the_record(faked: list[object]) -> None:
    result = workbench("least.yaml", "--json", "--out", "here")
    answer = json.loads(result.stdout)
    assert answer.pop("folder") == "here"
    assert answer == json.loads(Path("here/bench.json").read_bytes())


def test_an_earlier_bench_of_other_things_is_kept(faked: list[object]) -> None:
    assert "kept as" not in workbench("least.yaml", "--out", "here").stderr
    path = Path("here/bench.json")
    path.write_text(path.read_text().replace('"rounds": 11', '"rounds": 12'))
    result = workbench("least.yaml", "--out", "here")
    assert result.stderr.splitlines()[-1] == "the earlier result was renamed to bench-20250101-000000.json"
    assert '"rounds": 12' in Path("here/bench-20250101-000000.json").read_text()


def test_a_named_contender_that_does_not_run_is_1(faked: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "build_contenders", lambda *_: BuiltContenders([], {"least": "lowering failed"}))
    result = workbench("least.yaml", "--out", "here")
    assert result.exit_code == 1
    assert "  least: not run: lowering failed" in result.stdout.splitlines()


# --- all of it


@pytest.mark.slow
def test_a_bench_for_real(folder: Path, program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "_PACED_CALLS", 10)
    result = workbench("least.yaml", program, "--rounds", "3", "--chunks-per-round", "5", "--out", "here", "--json")
    assert result.exit_code == 0, result.stderr
    record = Bench.model_validate_json(Path("here/bench.json").read_bytes())
    found = {one.name: one for one in record.runs[0].contenders}
    onnx = [] if ONNX_EXTRA.missing_hint() else ["onnx", "onnx-least"]
    assert list(found) == ["eager", "torchscript", *onnx, "first-experiments", "least", program.parent.name]
    assert [one.name for one in record.runs[0].not_run] == ([] if onnx else ["onnx"])
    assert (record.sample_rate_hz, record.chunk_samples, record.mirror) == (16_000, 320, 1)
    for name, one in found.items():
        assert one.voiced_frames > 100
        assert name == "eager" or (one.pitch is not None and one.pitch.p95_cents < 0.01)
        assert one.under_load.calls == 10 and len(one.round_p50_ms) == 3
        assert set(one.ratios) == set(found) - {name}
