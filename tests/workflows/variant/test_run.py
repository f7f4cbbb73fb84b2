"""A whole run: the record that it leaves, what a second run takes over, and how each verdict comes about."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
import soundfile

from tests.helpers.progress import RecordedProgress
from workbench.audio.corpus import Corpus
from workbench.errors import LoweringError, ProgramError
from workbench.progress import Progress
from workbench.records.frames import read_frames
from workbench.records.result import Result, read_record, write_record
from workbench.records.worst_moments import worst
from workbench.workflows.load_recipes import load_variants

pytestmark = pytest.mark.slow

MANIFEST = """
calibrate:
  - {name: tone, kind: tones, notes: [57, 64], note_s: 0.4, gap_s: 0.2, harmonics: 8, level_dbfs: -20}
score:
  - {name: vibrato, kind: vibrato, notes: [[60, 5, 50]], note_s: 1.2, gap_s: 0.2, harmonics: 12, level_dbfs: -20}
  - {name: silence, kind: silence, duration_s: 0.3}
"""
RECIPE = {
    "description": "A test",
    "sample_rate_hz": 16_000,
    "chunk_samples": 320,
    "mirror": 1,
    "scoring": {"min_voiced_frames": 20},
    "speed": {"rounds": 3, "chunks_per_round": 5, "warmup_chunks": 2},
    "gates": {"deviation.pitch.p95_cents": "<= 0.01", "deviation.confidence.max": "<= 1e-4"},
}
UNGATED = "no gate holds its pitch to upstream's; give the recipe one, such as deviation.pitch.p95_cents: <= 1"
CLIPS = ("synthetic-score-vibrato", "synthetic-score-silence")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    root = tmp_path_factory.mktemp("calib_audio")
    (root / "manifest.yaml").write_text(MANIFEST)
    return Corpus(root)


@pytest.fixture(scope="module")
def job_of(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """(takes=None, **keys) -> the Job of RECIPE with some keys replaced."""
    from workbench.workflows.variant.prepare import load_clips, prepare

    path = tmp_path_factory.mktemp("recipes") / "test.yaml"

    def job(takes: Path | None = None, **keys: object) -> Any:
        path.write_text(json.dumps({**RECIPE, **keys}))  # JSON is YAML
        (recipe,) = load_variants([path], corpus)
        prepared = prepare(recipe)
        load_clips([prepared], corpus, takes, Progress())
        return prepared

    return job


@pytest.fixture(scope="module")
def finished(job_of: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one whole run: lowered, timed and scored in processes of their own."""
    from workbench.workflows.variant import run as pipeline

    def steady(*timed: Any) -> Any:
        speed = race(*timed)  # whose spread is this machine's business
        return speed.model_copy(update=dict.fromkeys(("speedup_low", "speedup_high"), speed.speedup_p50))

    race, folder = pipeline.time_pair, tmp_path_factory.mktemp("outputs") / "test"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pipeline, "time_pair", steady)
        record, reused = pipeline.run(job_of(), folder, Progress(), {})
    assert (record.verdict, record.reasons, reused) == ("pass", (), "")
    return folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished run to spoil."""
    return Path(shutil.copytree(finished, tmp_path / "test"))


class Here:
    """In place of a Child: runs in this process, as the program is known to be whole."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def call(self, function: Callable[..., Any], *args: object, **kwargs: object) -> Any:
        return function(*args, **kwargs)


@dataclass
class Quick:
    """What the pipeline was asked to lower."""

    lowered: list[Any]


@pytest.fixture
def quick(finished: Path, lowered: Any, monkeypatch: pytest.MonkeyPatch) -> Quick:
    """Nothing is timed, no process started, and lowering is only counted: what is left is what the pipeline decides."""
    from workbench.measure.speed import ColdStart
    from workbench.runtime import open_program
    from workbench.workflows.variant import build as building
    from workbench.workflows.variant import run as pipeline
    from workbench.workflows.variant import score as scoring

    asked = Quick([])

    def lower(model: object, backend: str, *_: object) -> Any:
        asked.lowered.append(model)
        return lowered

    monkeypatch.setattr("workbench.export.executorch.lower", lower)
    for module in (building, scoring):
        monkeypatch.setattr(module, "IsolatedProcess", Here)
    monkeypatch.setattr(open_program, "set_num_threads", lambda _: None)  # this process may have loaded a program
    monkeypatch.setattr(building, "cold_start", lambda *_: ColdStart(1.0, 2.0, 3))
    monkeypatch.setattr(pipeline, "time_pair", lambda *_: read_record(finished / "result.json").speed)
    return asked


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- the record


CONTRACT = """
schema_version recipe.name recipe.sha256 recipe.resolved
environment.python environment.torch environment.executorch environment.torchao environment.pesto environment.cpu
environment.threads environment.commit
program.path program.bytes program.sha256 program.delegated_nodes program.portable_nodes program.quantized_ops
program.float_ops program.state
latency.algorithmic_ms
deviation.pitch.median_cents deviation.pitch.p95_cents deviation.pitch.max_cents deviation.pitch.bias_cents
deviation.pitch.over_50_cents_rate deviation.pitch.octave_rate
deviation.confidence.mean deviation.confidence.p95 deviation.confidence.max
deviation.voicing_flip_rate deviation.volume_p95_relative deviation.frames deviation.voiced_frames deviation.clips
floor.pitch.median_cents floor.pitch.p95_cents floor.pitch.max_cents floor.confidence.p95
truth.baseline.rpa50 truth.baseline.rca50 truth.baseline.voicing_recall truth.baseline.voicing_false_alarm
truth.baseline.overall truth.variant.rpa50 truth.variant.rca50 truth.variant.voicing_recall
truth.variant.voicing_false_alarm truth.variant.overall truth.delay_ms truth.best_threshold
speed.threads speed.baseline.p50_ms speed.baseline.p95_ms speed.baseline.p99_ms speed.baseline.max_ms
speed.variant.p50_ms speed.variant.p95_ms speed.variant.p99_ms speed.variant.max_ms
speed.speedup_p50 speed.speedup_low speed.speedup_high speed.real_time_factor speed.deadline_miss_rate speed.load_ms
speed.cold_first_step_ms speed.peak_rss_bytes
gates verdict reasons
"""


def without_nan(text: str) -> Any:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


def nulls_without_reason(value: Any, path: str = "") -> list[str]:
    if isinstance(value, list):
        return [found for at, item in enumerate(value) for found in nulls_without_reason(item, f"{path}[{at}]")]
    if not isinstance(value, dict) or path == ".recipe.resolved":
        return []
    reasons = value.get("null_reasons", {})
    own = [f"{path}.{key}" for key, item in value.items() if (item is None) != bool(reasons.get(key))]
    return own + [found for key, item in value.items() for found in nulls_without_reason(item, f"{path}.{key}")]


def test_the_record_keeps_the_contract(finished: Path) -> None:
    record = without_nan((finished / "result.json").read_text())
    for path in CONTRACT.split():
        value: Any = record
        for key in path.split("."):
            assert key in value, path
            value = value[key]
    assert record["schema_version"] == 1
    clip_keys = set(record["deviation"]["clips"][0])
    assert clip_keys >= {"name", "pitch", "confidence", "voicing_flip_rate", "volume_p95_relative"}
    assert set(record["gates"][0]) >= {"metric", "limit", "value", "passed"}
    assert nulls_without_reason(record) == []


def test_the_record_tells_what_was_run(finished: Path) -> None:
    record = read_record(finished / "result.json")
    assert record.recipe.name == "test"
    assert record.recipe.resolved["sample_rate_hz"] == 16_000
    assert [(clip.name, clip.role) for clip in record.audio] == [
        ("synthetic/calibrate/tone", "calibrate"),
        ("synthetic/score/vibrato", "score"),
        ("synthetic/score/silence", "score"),
    ]
    assert {len(clip.f0_sha256) for clip in record.audio} == {64}
    assert [gate.passed for gate in record.gates] == [True, True]
    assert set(record.seconds) == {"build", "score", "pictures", "speed"}


def test_the_record_agrees_with_the_files_beside_it(finished: Path) -> None:
    record = read_record(finished / "result.json")
    seconds = {name for name in files(finished) if name.startswith("moments/")}
    assert set(files(finished)) - seconds == {
        "result.json",
        "program.pte",
        "program.json",
        *(f"frames/{clip}.npz" for clip in CLIPS),
        *(f"pictures/{clip}.png" for clip in CLIPS),
    }
    assert all(files(finished)[f"pictures/{clip}.png"].startswith(b"\x89PNG\r\n") for clip in CLIPS)
    worst_frames = worst(
        [read_frames(finished, clip) for clip in ("synthetic/score/vibrato", "synthetic/score/silence")]
    )
    assert seconds == {f"moments/{moment.file_name}" for moment in worst_frames}
    assert all(soundfile.info(finished / name).duration == pytest.approx(1, abs=0.001) for name in seconds)
    assert record.program is not None
    assert record.program.bytes == (finished / "program.pte").stat().st_size
    cents, confidence, frames, voiced = [], [], 0, 0
    for clip in CLIPS:
        with np.load(finished / "frames" / f"{clip}.npz") as stored:
            mask = stored["voiced"]
            moved = stored["variant_pitch_semitones"].astype(float) - stored["baseline_pitch_semitones"]
            cents.append(100 * np.abs(moved[mask]))
            confidence.append(np.abs(stored["variant_confidence"].astype(float) - stored["baseline_confidence"]))
            frames += len(mask)
            voiced += int(mask.sum())
    assert record.deviation is not None
    assert (
        (record.deviation.frames, record.deviation.voiced_frames)
        == (frames, voiced)
        == (85, record.truth.voiced_frames)
    )
    assert record.deviation.pitch.p95_cents == pytest.approx(np.percentile(np.concatenate(cents), 95))
    assert record.deviation.confidence.max == pytest.approx(np.concatenate(confidence).max())


def test_the_vibrato_is_found(finished: Path) -> None:
    """Against the known f0 of a plain sound, both sides have to be right, not only equal."""
    truth = read_record(finished / "result.json").truth
    assert truth is not None
    assert truth.clips == ("synthetic/score/vibrato", "synthetic/score/silence")
    assert truth.voiced_frames == pytest.approx(60, abs=2)
    assert truth.baseline is not None
    assert truth.variant is not None
    assert truth.baseline.rpa50 == truth.variant.rpa50
    assert truth.variant.rpa50 is not None
    assert truth.variant.rpa50 > 0.9


# --- what a second run takes over


def test_the_same_again_takes_over_the_result(folder: Path, job_of: Callable[..., Any], quick: Quick) -> None:
    from workbench.workflows.variant.run import run

    before = files(folder)
    record, reused = run(job_of(), folder, Progress(), {})
    assert reused == "result"
    assert record == read_record(folder / "result.json")
    assert files(folder) == before
    assert quick.lowered == []


@pytest.mark.parametrize("lost", ["result.json", f"pictures/{CLIPS[0]}.png", f"frames/{CLIPS[1]}.npz"])
def test_what_is_missing_is_completed_with_the_same_program(
    lost: str, folder: Path, job_of: Callable[..., Any], quick: Quick
) -> None:
    from workbench.workflows.variant.run import run

    before = read_record(folder / "result.json")
    (folder / lost).unlink()
    record, reused = run(job_of(), folder, Progress(), {})
    assert reused == "program"
    assert quick.lowered == []
    assert (folder / lost).is_file()
    assert (record.deviation, record.floor, record.truth) == (before.deviation, before.floor, before.truth)
    assert record.fingerprint == before.fingerprint


def test_a_spoilt_result_is_made_again(folder: Path, job_of: Callable[..., Any], quick: Quick) -> None:
    from workbench.workflows.variant.run import run

    (folder / "result.json").write_text("{}")
    _, reused = run(job_of(), folder, Progress(), {})
    assert reused == "program"
    assert read_record(folder / "result.json").verdict == "pass"


@pytest.mark.parametrize(
    "keys",
    [
        {"speed": {"rounds": 4}},
        {"scoring": {"voiced_confidence": 0.7}},
        {"audio": {"score": ["synthetic/score/vibrato"]}},
    ],
    ids=lambda keys: next(iter(keys)),
)
def test_a_key_that_leaves_the_program_alone(
    keys: dict[str, object], folder: Path, job_of: Callable[..., Any], quick: Quick
) -> None:
    from workbench.workflows.variant.build import build
    from workbench.workflows.variant.run import _recorded_before

    job = job_of(**keys)
    assert _recorded_before(folder, job) is None
    assert build(job, folder, Progress())[2] is True
    assert quick.lowered == []


@pytest.mark.parametrize(
    ("keys", "verdict", "reasons"),
    [
        ({"description": "Other words"}, "pass", ()),
        ({"gates": {"deviation.pitch.max_cents": "<= 1"}}, "pass", ()),
        ({"gates": {}}, "inconclusive", (UNGATED,)),
        ({"scoring": {"min_voiced_frames": 9000}}, "inconclusive", ("only 60 voiced frames, wants 9000",)),
        ({"gates": {"deviation.frames": "<= 3"}}, "fail", ("deviation.frames is 85, wants <= 3", UNGATED)),
    ],
    ids=["description", "other gates", "no gates", "frames wanted", "another gate"],
)
def test_what_only_judges_is_judged_again_and_nothing_is_measured(
    keys: dict[str, object],
    verdict: str,
    reasons: tuple[str, ...],
    folder: Path,
    job_of: Callable[..., Any],
    quick: Quick,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from workbench.workflows.variant import run as pipeline

    before = read_record(folder / "result.json")
    others = {name: content for name, content in files(folder).items() if name != "result.json"}
    monkeypatch.setattr(pipeline, "build_in_staging", None)
    job = job_of(**keys)
    record, reused = pipeline.run(job, folder, Progress(), {})
    assert (record.verdict, record.reasons, reused) == (verdict, reasons, "figures")
    assert record.recipe.resolved == job.recipe.resolved()
    assert record.recipe.sha256 == job.recipe.sha256
    assert read_record(folder / "result.json") == record
    judged = {"recipe", "gates", "verdict", "reasons"}
    assert record.model_dump(exclude=judged) == before.model_dump(exclude=judged)
    assert {name: content for name, content in files(folder).items() if name != "result.json"} == others
    assert pipeline.run(job, folder, Progress(), {}) == (record, "result")


def with_times_in_doubt(folder: Path) -> tuple[Result, Result]:
    """The record before, and the one that a busy machine would have left in its place."""
    before = read_record(folder / "result.json")
    assert before.speed is not None
    wide = before.speed.model_copy(update={"speedup_low": 1.0, "speedup_high": 2.5})
    doubted = before.model_copy(update={"speed": wide, "verdict": "inconclusive", "reasons": ("busy",)})
    write_record(doubted, folder)
    return before, doubted


def test_times_in_doubt_are_taken_anew_and_nothing_else(
    folder: Path, job_of: Callable[..., Any], quick: Quick, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.records.run_folders import archived_results
    from workbench.workflows.variant import run as pipeline

    before, doubted = with_times_in_doubt(folder)
    others = {name: content for name, content in files(folder).items() if not name.startswith("result")}
    monkeypatch.setattr(pipeline, "score", None)
    record, reused = pipeline.run(job_of(), folder, Progress(), {})
    assert (record.verdict, record.reasons, reused, quick.lowered) == ("pass", (), "scores", [])
    assert record.speed == before.speed
    of_the_timing = {"created", "environment", "speed", "seconds", "verdict", "reasons", "gates"}
    assert record.model_dump(exclude=of_the_timing) == before.model_dump(exclude=of_the_timing)
    assert read_record(folder / "result.json") == record
    (earlier,) = archived_results(folder)
    assert read_record(earlier) == doubted
    assert {name: content for name, content in files(folder).items() if not name.startswith("result")} == others
    assert pipeline.run(job_of(), folder, Progress(), {}) == (record, "result")


def test_a_program_that_crashes_where_it_is_timed_again_is_a_record_that_fails(
    folder: Path, job_of: Callable[..., Any], quick: Quick, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.records.run_folders import archived_results
    from workbench.workflows.variant import run as pipeline

    _, doubted = with_times_in_doubt(folder)

    def crash(*_: object) -> None:
        raise ProgramError("the program crashed the runtime")

    monkeypatch.setattr(pipeline, "time_pair", crash)
    record, reused = pipeline.run(job_of(), folder, Progress(), {})
    assert reused == ""
    assert_failed(record, folder, "the program crashed the runtime")
    (earlier,) = archived_results(folder)
    assert read_record(earlier) == doubted


def test_a_record_with_other_figures_stays_beside_the_new_one(
    folder: Path, job_of: Callable[..., Any], quick: Quick
) -> None:
    from workbench.workflows.variant.run import run

    before = read_record(folder / "result.json")
    progress = RecordedProgress()
    record, _ = run(job_of(scoring={"voiced_confidence": 0.7}), folder, progress, {})
    (earlier,) = folder.glob("result-*.json")
    assert read_record(earlier) == before
    assert earlier.name == f"result-{before.created.replace('-', '').replace(':', '').replace('T', '-')[:15]}.json"
    assert read_record(folder / "result.json") == record != before
    assert list(progress.stages)[-1] == f"the earlier record is kept as {earlier.name}"


@pytest.mark.parametrize(
    "keys",
    [
        {"reduction": "argmax"},
        {"mirror": 0.5},
        {"chunk_samples": 160},
        {"frames_per_chunk": 2},
        {"lowering": {"toeplitz": "conv"}},
        {"sample_rate_hz": 22_050},
    ],
    ids=lambda keys: next(iter(keys)),
)
def test_a_key_that_changes_the_program(
    keys: dict[str, object], folder: Path, job_of: Callable[..., Any], quick: Quick
) -> None:
    from workbench.workflows.variant.build import build
    from workbench.workflows.variant.run import _recorded_before

    job = job_of(**keys)
    assert _recorded_before(folder, job) is None
    assert build(job, folder, Progress())[2] is False
    assert quick.lowered == [job.model]


@pytest.mark.parametrize("spoilt", ["program.pte", "program.json"])
@pytest.mark.parametrize("how", ["missing", "cut", "other"])
def test_a_spoilt_program_is_made_again(
    spoilt: str, how: str, folder: Path, job_of: Callable[..., Any], quick: Quick
) -> None:
    from workbench.workflows.variant.build import build
    from workbench.workflows.variant.run import _recorded_before

    path = folder / spoilt
    if how == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-10] if how == "cut" else b"[]")
    job = job_of()
    assert (_recorded_before(folder, job) is None) == (spoilt == "program.pte")
    before = files(folder)
    _, _, reused = build(job, folder, Progress())
    assert reused is False
    assert files(folder) != before
    assert build(job, folder, Progress())[2] is True


def test_fresh_takes_nothing_over(folder: Path, job_of: Callable[..., Any], quick: Quick) -> None:
    from workbench.workflows.variant.run import run

    record, reused = run(job_of(), folder, Progress(), {}, fresh=True)
    assert reused == ""
    assert len(quick.lowered) == 1
    assert record.verdict == "pass"


def test_the_baseline_is_rolled_once_for_variants_of_one_stream(
    tmp_path: Path, job_of: Callable[..., Any], quick: Quick, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.workflows.variant import run as pipeline
    from workbench.workflows.variant import score as scoring

    rolled: dict[str, Any] = {}
    first, _ = pipeline.run(job_of(), tmp_path / "first", Progress(), rolled)
    assert len(rolled) == 5  # one calibrates, two score, and those again with dither
    monkeypatch.setattr(scoring, "run_chunks", None)  # what it was rolled with
    second, _ = pipeline.run(job_of(lowering={"toeplitz": "conv"}), tmp_path / "second", Progress(), rolled)
    assert second.truth == first.truth
    assert len(rolled) == 5


# --- stopped half-way


def unchanged(folder: Path, before: dict[str, bytes]) -> bool:
    """Whether all that is not hidden is as it was."""
    return {name: content for name, content in files(folder).items() if not name.startswith(".")} == before


@pytest.mark.parametrize("writes", [0, 3, 8])
def test_a_full_disk_changes_nothing_and_the_same_call_goes_on(
    writes: int, folder: Path, job_of: Callable[..., Any], quick: Quick, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many files arrive: none; program, notes and a clip; all but the record."""
    from workbench.workflows.variant import run as pipeline

    before, job = files(folder), job_of(speed={"rounds": 4})
    written: list[str] = []
    scored = pipeline.score

    def fsync(handle: int) -> None:
        written.append("")
        if len(written) > writes:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fsync)
        with pytest.raises(OSError, match="No space left on device") as caught:
            pipeline.run(job, folder, Progress(), {})
    assert str(caught.value.filename).startswith(str(folder / ".making"))
    assert unchanged(folder, before)
    monkeypatch.setattr(pipeline, "score", None if (folder / ".making" / "scores.json").exists() else scored)
    record, reused = pipeline.run(job, folder, Progress(), {})
    assert (record.verdict, reused) == ("pass", "program")
    assert [path.name for path in folder.glob(".*")] == []
    assert record.deviation == read_record(next(folder.glob("result-*.json"))).deviation


def test_scores_are_taken_over_only_of_the_same_job(
    folder: Path, tmp_path: Path, job_of: Callable[..., Any], quick: Quick, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.workflows.variant import run as pipeline

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "time_pair", stop)
        with pytest.raises(KeyboardInterrupt):
            pipeline.run(job_of(), tmp_path / "new", Progress(), {})
    assert [path.name for path in (tmp_path / "new").iterdir()] == [".making"]
    scored: list[object] = []
    score = pipeline.score
    monkeypatch.setattr(pipeline, "score", lambda *given: scored.append(given) or score(*given))
    other, _ = pipeline.run(job_of(scoring={"voiced_confidence": 0.7}), tmp_path / "new", Progress(), {})
    assert len(scored) == 1
    assert other.truth.threshold == 0.7
    assert len(quick.lowered) == 1


def test_two_at_once_in_a_folder(folder: Path, job_of: Callable[..., Any], quick: Quick) -> None:
    from workbench.errors import WorkbenchError
    from workbench.storage.locks import exclusive
    from workbench.workflows.variant.run import run

    before = files(folder)
    with exclusive(folder), pytest.raises(WorkbenchError, match="in use by another"):
        run(job_of(), folder, Progress(), {})
    assert files(folder) == before


def test_a_store_serves_other_folders_and_fresh_does_not_ask_it(
    tmp_path: Path, job_of: Callable[..., Any], quick: Quick
) -> None:
    from workbench.workflows.variant.build import build

    store, job = tmp_path / "store", job_of()
    assert build(job, tmp_path / "a", Progress(), store=store)[2] is False
    assert build(job, tmp_path / "b", Progress(), store=store)[2] is True
    assert files(tmp_path / "a") == files(tmp_path / "b")
    (entry,) = store.iterdir()
    (entry / "program.pte").write_bytes((entry / "program.pte").read_bytes()[:-1])
    assert build(job, tmp_path / "c", Progress(), store=store)[2] is False
    assert build(job, tmp_path / "d", Progress(), fresh=True, store=store)[2] is False
    assert build(job_of(reduction="argmax"), tmp_path / "e", Progress(), store=store)[2] is False
    assert len(quick.lowered) == 4
    assert len(list(store.iterdir())) == 2


# --- verdicts


def test_a_missed_gate_fails(folder: Path, job_of: Callable[..., Any], quick: Quick) -> None:
    from workbench.workflows.variant.run import run

    size = (folder / "program.pte").stat().st_size
    gates = {"program.bytes": "<= 1000", "deviation.pitch.p95_cents": "<= 0.01", "latency.algorithmic_ms": ">= 500"}
    record, _ = run(job_of(gates=gates), folder, Progress(), {})
    assert record.verdict == "fail"
    assert record.reasons == (
        f"program.bytes is {size}, wants <= 1000",
        f"latency.algorithmic_ms is {record.latency.algorithmic_ms:.10g}, wants >= 500",
    )
    assert [gate.passed for gate in record.gates] == [False, True, False]
    assert read_record(folder / "result.json") == record


@pytest.mark.parametrize("reset", ["baseline", "variant", "both"])
def test_a_protocol_resets_the_sides_it_names(
    reset: str, folder: Path, job_of: Callable[..., Any], quick: Quick, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.workflows.variant import run as pipeline
    from workbench.workflows.variant import score as scoring

    before = read_record(folder / "result.json")
    with np.load(folder / "frames" / f"{CLIPS[0]}.npz") as stored:
        continuous = {side: stored[f"{side}_pitch_semitones"] for side in ("baseline", "variant")}
    titles: list[str] = []
    drawn = scoring.contour_png
    monkeypatch.setattr(scoring, "contour_png", lambda *args: titles.append(args[2]) or drawn(*args))
    name = "reset-per-chunk" if reset == "both" else f"{reset}-reset-per-chunk"
    record, reused = pipeline.run(job_of(protocol=name), folder, Progress(), {})
    assert reused == "program"  # a protocol is of the comparison, not of the program
    assert (record.verdict, record.protocol.fair) == (("pass", True) if reset == "both" else ("fail", False))
    assert all(title.startswith("UNFAIR: baseline ") != (reset == "both") for title in titles)
    assert len(titles) == len(CLIPS)
    with np.load(folder / "frames" / f"{CLIPS[0]}.npz") as stored:
        for side, pitch in continuous.items():
            assert np.array_equal(stored[f"{side}_pitch_semitones"], pitch) == (reset not in (side, "both"))
    assert record.truth.delay_ms == before.truth.delay_ms
    assert record.deviation.voiced_frames == before.deviation.voiced_frames


def test_too_few_voiced_frames_decide_nothing(folder: Path, job_of: Callable[..., Any], quick: Quick) -> None:
    from workbench.workflows.variant.run import run

    record, _ = run(job_of(scoring={"min_voiced_frames": 1000}), folder, Progress(), {})
    assert record.deviation is not None
    assert record.verdict == "inconclusive"
    assert record.reasons == (f"only {record.deviation.voiced_frames} voiced frames, wants 1000",)


def test_silence_alone_is_no_perfect_score(folder: Path, job_of: Callable[..., Any], quick: Quick) -> None:
    from workbench.workflows.variant.run import run

    record, _ = run(job_of(audio={"score": ["synthetic/score/silence"]}), folder, Progress(), {})
    assert record.verdict == "inconclusive"
    assert record.reasons == (
        "deviation.pitch.p95_cents has no value: no voiced frame",
        "only 0 voiced frames, wants 20",
    )
    stored = without_nan((folder / "result.json").read_text())
    assert stored["deviation"]["pitch"]["p95_cents"] is None
    assert nulls_without_reason(stored) == []


def test_audio_without_known_f0_is_voiced_by_the_baseline(
    tmp_path: Path, folder: Path, job_of: Callable[..., Any], quick: Quick, sing: Callable[[int, float], np.ndarray]
) -> None:
    from workbench.workflows.variant.run import run

    (tmp_path / "takes").mkdir()
    soundfile.write(tmp_path / "takes" / "take one.wav", sing(16_000, 1.2), 16_000)
    record, _ = run(job_of(tmp_path / "takes"), folder, Progress(), {})
    assert record.deviation is not None
    assert [(clip.name, clip.voiced_by) for clip in record.deviation.clips] == [("take one", "baseline confidence")]
    assert [clip.f0_sha256 for clip in record.audio if clip.role == "score"] == [""]
    with np.load(folder / "frames" / "take one.npz") as stored:
        assert record.deviation.voiced_frames == (stored["baseline_confidence"] >= 0.5).sum() >= 20
    assert (folder / "pictures" / "take one.png").is_file()
    assert record.truth is not None
    assert record.truth.variant is None
    assert record.truth.null_reasons["variant"] == "no scored clip has a known f0"
    assert record.verdict == "pass"
    assert nulls_without_reason(without_nan((folder / "result.json").read_text())) == []


def assert_failed(record: Result, folder: Path, reason: str) -> None:
    assert record.verdict == "fail"
    assert record.reasons == (reason,)
    measured = ("program", "deviation", "floor", "truth", "speed")
    assert record.null_reasons == dict.fromkeys(measured, reason)
    assert read_record(folder / "result.json") == record
    assert nulls_without_reason(without_nan((folder / "result.json").read_text())) == []
    assert not (folder / "program.pte").exists()
    assert not (folder / "program.json").exists()


@pytest.mark.parametrize("where", ["a new folder", "over an earlier run"])
def test_what_cannot_be_lowered_is_a_record_that_fails(
    where: str, folder: Path, tmp_path: Path, job_of: Callable[..., Any], quick: Quick, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.workflows.variant import run as pipeline

    def refuse(*_: object, **__: object) -> None:
        raise LoweringError("lowering to xnnpack failed (no)")

    monkeypatch.setattr("workbench.export.executorch.lower", refuse)
    place = folder if where == "over an earlier run" else tmp_path / "new"
    job = job_of(reduction="mean")
    record, reused = pipeline.run(job, place, Progress(), {})
    assert reused == ""
    assert_failed(record, place, "lowering to xnnpack failed (no)")
    assert pipeline._recorded_before(place, job) is None  # it is tried again


def test_a_program_that_does_not_run_is_a_record_that_fails(
    tmp_path: Path, job_of: Callable[..., Any], quick: Quick, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.workflows.variant import build as building
    from workbench.workflows.variant import run as pipeline

    def crash(*_: object) -> None:
        raise ProgramError("the program crashed the runtime")

    monkeypatch.setattr(building, "cold_start", crash)
    record, _ = pipeline.run(job_of(), tmp_path / "new", Progress(), {})
    assert_failed(record, tmp_path / "new", "the program crashed the runtime")


def test_a_program_that_gives_other_frames_in_another_process_is_a_record_that_fails(
    tmp_path: Path, job_of: Callable[..., Any], quick: Quick, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.workflows.variant import run as pipeline
    from workbench.workflows.variant import score as scoring

    real, calls = scoring.run_program, []

    def moody(*args: Any, **kwargs: Any) -> Any:
        calls.append(args)
        frames = real(*args, **kwargs)
        if len(calls) > 2:  # both clips were scored
            frames[0].pitch_semitones[-1] += 1e-3
        return frames

    monkeypatch.setattr(scoring, "run_program", moody)
    folder = tmp_path / "new"
    record, _ = pipeline.run(job_of(), folder, Progress(), {})
    name = record.audio[1].name
    assert_failed(
        record, folder, f"{folder / 'program.pte'}: gave other frames for {name} in a second process, after a reset"
    )


# --- frames that were recorded elsewhere


def test_a_program_s_own_frames_score_as_it_does(finished: Path, job_of: Callable[..., Any], tmp_path: Path) -> None:
    """The run's own frames, as they are and written as a phone would: every figure but the times is the run's."""
    from workbench.records.external_frames import read_external_frames
    from workbench.workflows.score_external import _PROGRAM_MISMATCH, ELSEWHERE, score_external_frames

    here = read_record(finished / "result.json")
    written = tmp_path / "phone.csv"
    with written.open("w") as file:
        file.write("clip,pitch_semitones,confidence,volume\n")
        for clip in job_of().score:
            frames = read_frames(finished, clip.name)
            assert frames is not None
            side = frames.variant
            for row in zip(side.pitch_semitones, side.confidence, side.volume, strict=True):
                file.write(f"{clip.name}," + ",".join(f"{value:.9g}" for value in row) + "\n")
    for given in (finished / "frames", written):
        folder = tmp_path / given.stem
        record = score_external_frames(job_of(), [given], folder, Progress(), finished / "program.pte")
        assert (record.deviation, record.floor, record.truth) == (here.deviation, here.floor, here.truth)
        assert (record.program, record.speed, record.null_reasons) == (here.program, None, {"speed": ELSEWHERE})
        assert (record.verdict, record.reasons) == ("pass", ())
        assert read_record(folder / "result.json") == record
        assert {path.stem for path in (folder / "pictures").iterdir()} == set(CLIPS)
        assert record.fingerprint != here.fingerprint, "or a run would take it for its own"
    other = shutil.copytree(finished, tmp_path / "other day")
    notes = json.loads((other / "program.json").read_text())
    (other / "program.json").write_text(json.dumps({**notes, "fingerprint": "f" * 64}))
    doubted = score_external_frames(job_of(), [written], tmp_path / "doubted", Progress(), other / "program.pte")
    assert (doubted.verdict, doubted.reasons) == ("inconclusive", (_PROGRAM_MISMATCH,))
    assert doubted.deviation == here.deviation
    assert {used.clip for used in record.recorded} == {clip.name for clip in job_of().score}
    moved = read_external_frames([written], job_of().score, job_of().stream, ("pitch", "confidence", "volume"))
    assert sum(len(one.frames) for one in moved.values()) == here.deviation.frames


def test_frames_without_a_program_decide_nothing(finished: Path, job_of: Callable[..., Any], tmp_path: Path) -> None:
    from workbench.workflows.score_external import score_external_frames

    only = finished / "frames" / "synthetic-score-vibrato.npz"
    record = score_external_frames(job_of(), [only], tmp_path / "out", Progress())
    assert [clip.name for clip in record.audio if clip.role == "score"] == ["synthetic/score/vibrato"]
    assert record.verdict == "inconclusive"
    assert record.reasons == ("frames were recorded elsewhere, and no program was named; name it with --program",)
    alone = tmp_path / "alone.pte"
    shutil.copyfile(finished / "program.pte", alone)
    for program, says in (
        (alone, f"{alone}: no program.json beside it; name one where `build` or `run` left it"),
        (tmp_path / "no.pte", f"{tmp_path / 'no.pte'}: cannot be read (No such file or directory); check the path"),
    ):
        with pytest.raises(ProgramError) as caught:
            score_external_frames(job_of(), [only], tmp_path / "other", Progress(), program)
        assert str(caught.value) == says
    assert not (tmp_path / "other").exists()


# --- what this machine lacks


def test_a_program_whose_extra_is_not_installed_is_not_tried_and_does_not_fail(
    tmp_path: Path, job_of: Callable[..., Any], quick: Quick, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.export.backends import EXPORTERS
    from workbench.export.exporter import Extra
    from workbench.export.onnx import OnnxExporter
    from workbench.workflows.variant import run as pipeline

    asked = job_of(lowering={"backend": "onnx"}, state="explicit")
    monkeypatch.setitem(EXPORTERS, "onnx", OnnxExporter(Extra("onnx", ("onnx_of_nowhere",))))
    wants = "onnx_of_nowhere not installed: pip install 'pesto-workbench[onnx]'"
    record, reused = pipeline.run(asked, tmp_path / "new", Progress(), {})
    assert (record.verdict, record.reasons, reused) == ("inconclusive", (wants,), "")
    assert record.null_reasons == dict.fromkeys(("program", "deviation", "floor", "truth", "speed"), wants)
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"result.json"}
    assert pipeline._recorded_before(tmp_path / "new", asked) is None, "it is tried again"


def test_a_program_that_cannot_run_here_is_kept_and_not_scored(
    folder: Path, job_of: Callable[..., Any], quick: Quick, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.workflows.variant import build as building
    from workbench.workflows.variant import run as pipeline

    def not_here(says: str) -> None:
        for module in (building, pipeline):
            monkeypatch.setattr(module, "unsupported_reason", lambda *_: says)

    elsewhere = "not run here: this runtime has no such backend; there: a command"
    asked = job_of(lowering={"backend": "vulkan"}, frames_per_chunk={"min": 1, "max": 2})
    not_here(elsewhere)
    record, reused = pipeline.run(asked, folder, Progress(), {})
    assert (record.verdict, record.reasons, reused) == ("inconclusive", (elsewhere,), "")
    assert record.null_reasons == dict.fromkeys(("deviation", "floor", "truth", "speed"), elsewhere)
    assert record.deviation_over_sizes.null_reasons["worst_p95_cents"] == elsewhere
    assert record.program is not None and (folder / record.program.path).stat().st_size == record.program.bytes
    assert not (folder / "frames").exists(), "those of the earlier record"
    assert pipeline.run(asked, folder, Progress(), {}) == (record, "result")
    assert len(quick.lowered) == 1
    not_here(elsewhere.replace("a command", "another"))
    assert pipeline.run(asked, folder, Progress(), {})[1] == "program", "what runs where is asked again"
