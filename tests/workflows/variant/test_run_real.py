"""A run with a real program, in child processes: the keys of its result, its files, and figures that must be right."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
import soundfile

from tests.helpers.project import write_project
from tests.helpers.variants import KEYS, MANIFEST, files
from workbench.audio.corpus import Corpus
from workbench.errors import ProgramError
from workbench.progress import Progress
from workbench.records.frames import read_frames
from workbench.records.result import Result, read_result
from workbench.records.worst_moments import worst
from workbench.workflows.load_recipes import load_variants

pytestmark = pytest.mark.slow

CLIPS = ("synthetic-score-vibrato", "synthetic-score-silence")
NAMES = ("synthetic/score/vibrato", "synthetic/score/silence")
Prepare = Callable[..., Any]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepare:
    """(takes=None, **keys) -> the variant of KEYS with some keys replaced, with its model and clips."""
    from workbench.workflows.variant.prepare import load_clips, prepare

    root = write_project(tmp_path_factory.mktemp("project"), MANIFEST)
    corpus, path = Corpus(root / "calib_audio"), root / "test.yaml"

    def prepared(takes: Path | None = None, **keys: object) -> Any:
        path.write_text(json.dumps({**KEYS, "audio": {}, **keys}))  # JSON is YAML
        (recipe,) = load_variants([path], corpus)
        (variant,) = load_clips([prepare(recipe)], corpus, takes, Progress())
        return variant

    return prepared


@pytest.fixture(scope="module")
def export(lowered: Any) -> Callable[..., Any]:
    """In place of the export, which takes ten seconds: the program of KEYS."""
    from workbench.export.program_file import describe
    from workbench.storage.atomic import write_atomic

    def export(_: object, path: Path, *__: object) -> Any:
        write_atomic(path, lowered.content)
        return describe(lowered, path.name, "internal")

    return export


@pytest.fixture(scope="module")
def finished(prepared: Prepare, export: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one whole run: its program is loaded, scored and timed in child processes."""
    from workbench.workflows.variant import build, run
    from workbench.workflows.variant.baseline import BaselineCache

    def steady(*arguments: Any) -> Any:
        speed = time_pair(*arguments)  # the spread of a busy machine is of no interest here
        return speed.replace(speedup_low=speed.speedup_p50, speedup_high=speed.speedup_p50)

    time_pair, folder = run.time_pair, tmp_path_factory.mktemp("outputs") / "test"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(run, "time_pair", steady)
        patched.setattr(build, "_export", export)
        outcome = run.run_variant(prepared(), folder, Progress(), BaselineCache())
    assert (outcome.result.verdict, outcome.result.reasons) == ("pass", ())
    return folder


class InProcess:
    """In place of an IsolatedProcess: the program is known to work."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def call(self, function: Callable[..., Any], *args: object, **kwargs: object) -> Any:
        return function(*args, **kwargs)


@pytest.fixture
def run_quickly(
    finished: Path, export: Any, tmp_path: Path, prepared: Prepare, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """(takes=None, cache=None, folder="run", **keys) -> the outcome of a run without timing, in this process."""
    from workbench.measure.speed import ColdStart
    from workbench.runtime import open_program
    from workbench.workflows.variant import build, run, score
    from workbench.workflows.variant.baseline import BaselineCache

    monkeypatch.setattr(build, "_export", export)
    monkeypatch.setattr(build, "trial_run", lambda *_: ColdStart(1.0, 2.0, 3))
    monkeypatch.setattr(score, "IsolatedProcess", InProcess)
    monkeypatch.setattr(open_program, "set_num_threads", lambda _: None)  # other tests have opened programs here
    monkeypatch.setattr(run, "time_pair", lambda *_: read_result(finished / "result.json").speed)

    def run_quickly(takes: Path | None = None, cache: Any = None, folder: str = "run", **keys: object) -> Any:
        variant = prepared(takes, **keys)
        return run.run_variant(variant, tmp_path / folder, Progress(), BaselineCache() if cache is None else cache)

    return run_quickly


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


def test_result_has_the_documented_keys(finished: Path) -> None:
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


def test_result_describes_what_was_run(finished: Path) -> None:
    record = read_result(finished / "result.json")
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


def test_result_agrees_with_its_files(finished: Path) -> None:
    record = read_result(finished / "result.json")
    seconds = {name for name in files(finished) if name.startswith("moments/")}
    assert set(files(finished)) - seconds == {
        "result.json",
        "program.pte",
        "program.json",
        *(f"frames/{clip}.npz" for clip in CLIPS),
        *(f"pictures/{clip}.png" for clip in CLIPS),
    }
    assert all(files(finished)[f"pictures/{clip}.png"].startswith(b"\x89PNG\r\n") for clip in CLIPS)
    worst_frames = worst([read_frames(finished, clip) for clip in NAMES])
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


def test_pitch_of_a_vibrato_is_right_on_both_sides(finished: Path) -> None:
    """Against the known f0 of a plain sound, both sides have to be right, not only equal."""
    truth = read_result(finished / "result.json").truth
    assert truth is not None
    assert truth.clips == NAMES
    assert truth.voiced_frames == pytest.approx(60, abs=2)
    assert truth.baseline is not None
    assert truth.variant is not None
    assert truth.baseline.rpa50 == truth.variant.rpa50
    assert truth.variant.rpa50 is not None
    assert truth.variant.rpa50 > 0.9


# --- figures


@pytest.mark.parametrize("reset", ["baseline", "variant", "both"])
def test_protocol_resets_the_sides_it_names(
    reset: str, finished: Path, run_quickly: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.workflows.variant import store_frames

    before, titles, draw = read_result(finished / "result.json"), list[str](), store_frames.contour_png
    monkeypatch.setattr(store_frames, "contour_png", lambda *args: titles.append(args[2]) or draw(*args))
    name = "reset-per-chunk" if reset == "both" else f"{reset}-reset-per-chunk"
    outcome = run_quickly(protocol=name)
    result = outcome.result
    assert (result.verdict, result.protocol.fair) == (("pass", True) if reset == "both" else ("fail", False))
    assert len(titles) == len(CLIPS)
    assert all(title.startswith("UNFAIR: baseline ") != (reset == "both") for title in titles)
    continuous, frames = read_frames(finished, NAMES[0]), read_frames(outcome.folder, NAMES[0])
    assert continuous is not None and frames is not None
    for side in ("baseline", "variant"):
        is_equal = np.array_equal(getattr(frames, side).pitch_semitones, getattr(continuous, side).pitch_semitones)
        assert is_equal == (reset not in (side, "both"))
    assert result.truth is not None and before.truth is not None
    assert result.truth.delay_ms == before.truth.delay_ms
    assert result.deviation.voiced_frames == before.deviation.voiced_frames


def test_silence_is_no_perfect_score(run_quickly: Callable[..., Any]) -> None:
    outcome = run_quickly(audio={"score": [NAMES[1]]})
    assert outcome.result.verdict == "inconclusive"
    assert any("no voiced frame" in reason for reason in outcome.result.reasons)
    stored = without_nan((outcome.folder / "result.json").read_text())
    assert stored["deviation"]["pitch"]["p95_cents"] is None
    assert nulls_without_reason(stored) == []


def test_audio_without_f0_is_voiced_by_the_baseline(
    tmp_path: Path, run_quickly: Callable[..., Any], sing: Callable[[int, float], np.ndarray]
) -> None:
    (tmp_path / "takes").mkdir()
    soundfile.write(tmp_path / "takes" / "take one.wav", sing(16_000, 1.2), 16_000)
    outcome = run_quickly(tmp_path / "takes")
    result, frames = outcome.result, read_frames(outcome.folder, "take one")
    assert result.deviation is not None and result.truth is not None and frames is not None
    assert [(clip.name, clip.voiced_by) for clip in result.deviation.clips] == [("take one", "baseline confidence")]
    assert [clip.f0_sha256 for clip in result.audio if clip.role == "score"] == [""]
    assert result.deviation.voiced_frames == (frames.baseline.confidence >= 0.5).sum() >= 20
    assert result.truth.null_reasons["variant"] == "no scored clip has a known f0"
    assert result.verdict == "pass"
    assert nulls_without_reason(without_nan((outcome.folder / "result.json").read_text())) == []


def test_baseline_runs_once_for_variants_of_one_stream(
    run_quickly: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.workflows.variant import baseline

    cache = baseline.BaselineCache()
    first = run_quickly(cache=cache, folder="first")
    assert len(cache) == 5  # one clip calibrates; two are scored, with and without dither
    monkeypatch.setattr(baseline, "run_chunks", None)
    second = run_quickly(cache=cache, folder="second", lowering={"toeplitz": "conv"})
    assert second.result.truth == first.result.truth
    assert len(cache) == 5


# --- the same frames, recorded elsewhere


def test_recorded_frames_score_as_the_program_does(finished: Path, prepared: Prepare, tmp_path: Path) -> None:
    """The run's own frames, and the same as a phone would write them: every figure but the times is the run's."""
    from workbench.workflows.score_external import _PROGRAM_MISMATCH, ELSEWHERE, score_external_frames

    here, variant = read_result(finished / "result.json"), prepared()
    written = tmp_path / "phone.csv"
    with written.open("w") as file:
        file.write("clip,pitch_semitones,confidence,volume\n")
        for clip in variant.scored_clips:
            frames = read_frames(finished, clip.name)
            assert frames is not None
            side = frames.variant
            for row in zip(side.pitch_semitones, side.confidence, side.volume, strict=True):
                file.write(f"{clip.name}," + ",".join(f"{value:.9g}" for value in row) + "\n")

    def scored(frames: Path, folder: str, program: Path | None) -> Result:
        return score_external_frames(variant, [frames], tmp_path / folder, Progress(), program).result

    for frames in (finished / "frames", written):
        result = scored(frames, frames.stem, finished / "program.pte")
        assert (result.deviation, result.floor, result.truth) == (here.deviation, here.floor, here.truth)
        assert (result.program, result.speed, result.null_reasons) == (here.program, None, {"speed": ELSEWHERE})
        assert (result.verdict, result.reasons) == ("pass", ())
        assert read_result(tmp_path / frames.stem / "result.json") == result
        assert {path.stem for path in (tmp_path / frames.stem / "pictures").iterdir()} == set(CLIPS)
        assert {used.clip for used in result.recorded} == set(NAMES)
        assert set(result.seconds) == {"score", "pictures", "all"}
        assert result.fingerprint != here.fingerprint, "or a run would reuse it"
    other = shutil.copytree(finished, tmp_path / "other day")
    notes = json.loads((other / "program.json").read_text())
    (other / "program.json").write_text(json.dumps({**notes, "fingerprint": "f" * 64}))
    doubted = scored(written, "doubted", other / "program.pte")
    assert (doubted.verdict, doubted.reasons) == ("inconclusive", (_PROGRAM_MISMATCH,))
    assert doubted.deviation == here.deviation


def test_recorded_frames_without_a_program_are_inconclusive(finished: Path, prepared: Prepare, tmp_path: Path) -> None:
    from workbench.workflows.score_external import score_external_frames

    only, bare = finished / "frames" / f"{CLIPS[0]}.npz", tmp_path / "bare.pte"
    result = score_external_frames(prepared(), [only], tmp_path / "out", Progress()).result
    assert [clip.name for clip in result.audio if clip.role == "score"] == [NAMES[0]]
    assert result.verdict == "inconclusive"
    assert len(result.reasons) == 1 and "--program" in result.reasons[0]
    shutil.copyfile(finished / "program.pte", bare)
    with pytest.raises(ProgramError, match=r"program\.json"):
        score_external_frames(prepared(), [only], tmp_path / "other", Progress(), bare)
    assert not (tmp_path / "other").exists()
