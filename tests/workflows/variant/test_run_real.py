"""A run with a real program, in child processes: the keys of its result, its files, and figures that must be right."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import soundfile

from tests.helpers.frames import arrays_of
from tests.helpers.models.programs import ProgramFactory
from tests.helpers.project import write_project
from tests.helpers.variants import KEYS, files, steady_timing
from tools.reliability.small_project import MANIFEST
from workbench.audio.clip_catalog import ClipCatalog
from workbench.errors import ProgramError
from workbench.progress import Progress
from workbench.records.frames.stored import read_frames
from workbench.records.frames.worst_moments import worst
from workbench.records.result import Result, read_result
from workbench.runtime.isolation import IsolatedProcess
from workbench.workflows.external import score as score_external
from workbench.workflows.external.score import _PROGRAM_MISMATCH, ELSEWHERE, score_external_frames
from workbench.workflows.load_recipes import load_variants
from workbench.workflows.variant import baseline, build, run, store_frames
from workbench.workflows.variant.baseline import BaselineCache
from workbench.workflows.variant.prepare import PreparedVariant, load_clips, prepare
from workbench.workflows.variant.run import RunOutcome

pytestmark = pytest.mark.slow

CLIPS = ("synthetic-score-vibrato", "synthetic-score-silence")
NAMES = ("synthetic/score/vibrato", "synthetic/score/silence")
Prepare = Callable[..., PreparedVariant]


class Finished(NamedTuple):
    folder: Path
    result: Result
    cache: BaselineCache

    def frames(self) -> list[Any]:
        return [read_frames(self.folder, name) for name in NAMES]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepare:
    """(takes=None, **keys) -> the variant of KEYS with some keys replaced, with its model and clips."""
    root = write_project(tmp_path_factory.mktemp("project"), MANIFEST)
    catalog, path = ClipCatalog(root / "calib_audio"), root / "test.yaml"

    def prepared(takes: Path | None = None, **keys: object) -> PreparedVariant:
        path.write_text(json.dumps({**KEYS, "audio": {}, **keys}))  # JSON is YAML
        (recipe,) = load_variants([path], catalog)
        (variant,) = load_clips([prepare(recipe)], catalog, takes, Progress())
        return variant

    return prepared


@pytest.fixture(scope="module")
def finished(
    prepared: Prepare, program_for: ProgramFactory, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Finished]:
    """One whole run: its program is loaded, scored and timed in child processes."""
    folder, cache = tmp_path_factory.mktemp("outputs") / "test", BaselineCache()
    with pytest.MonkeyPatch.context() as patched:
        steady_timing(patched)
        patched.setattr(build, "_export", program_for.export)
        outcome = run.run_variant(prepared(), folder, Progress(), cache)
        yield Finished(folder, outcome.result, cache)


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs the program in this process: it is known to work."""
    monkeypatch.setattr(IsolatedProcess, "call", lambda _, function, *args, **keywords: function(*args, **keywords))
    monkeypatch.setattr("workbench.runtime.executorch.set_num_threads", lambda _: None)


@pytest.fixture
def run_quickly(
    in_process: None, finished: Finished, tmp_path: Path, prepared: Prepare, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., RunOutcome]:
    """(takes=None, **keys) -> the outcome of a run without timing, in this process, with the cached baseline."""
    monkeypatch.setattr(build, "trial_run", lambda *_: 1.0)
    monkeypatch.setattr(run, "time_pair", lambda *_: finished.result.speed)
    return lambda takes=None, **keys: run.run_variant(
        prepared(takes, **keys), tmp_path / "run", Progress(), finished.cache
    )


def test_result_describes_the_run_and_its_files(finished: Finished) -> None:
    folder, record = finished.folder, read_result(finished.folder / "result.json")
    assert record == finished.result
    assert (record.verdict, record.reasons, [gate.passed for gate in record.gates]) == ("pass", (), [True, True])
    assert (record.recipe.name, record.recipe.resolved["sample_rate_hz"]) == ("test", 16_000)
    roles = [("synthetic/calibrate/tone", "calibrate"), *((name, "score") for name in NAMES)]
    assert [(clip.name, clip.role) for clip in record.audio] == roles
    assert {len(clip.f0_sha256) for clip in record.audio} == {64}
    assert set(record.seconds) == {"build", "score", "pictures", "speed"}
    assert record.program is not None and record.program.is_intact_in(folder)
    moments = {f"moments/{moment.file_name}" for moment in worst(finished.frames())}
    per_clip = {name for clip in CLIPS for name in (f"frames/{clip}.npz", f"pictures/{clip}.png")}
    assert set(files(folder)) == {"result.json", "program.pte", "program.json", *per_clip, *moments}
    assert all(files(folder)[f"pictures/{clip}.png"].startswith(b"\x89PNG\r\n") for clip in CLIPS)
    assert all(soundfile.info(folder / name).duration == pytest.approx(1, abs=0.001) for name in moments)


def test_figures_are_those_of_the_frames(finished: Finished) -> None:
    deviation, truth, clips = finished.result.deviation, finished.result.truth, finished.frames()

    def moved(name: str) -> np.ndarray:
        sides = [(getattr(clip.variant, name), getattr(clip.baseline, name)) for clip in clips]
        return np.concatenate([np.abs(variant.astype(float) - baseline) for variant, baseline in sides])

    voiced = np.concatenate([clip.voiced for clip in clips])
    assert (deviation.frames, len(voiced)) == (85, 85)
    assert deviation.voiced_frames == truth.voiced_frames == voiced.sum() == pytest.approx(60, abs=2)
    assert deviation.pitch.p95_cents == pytest.approx(np.percentile(100 * moved("pitch_semitones")[voiced], 95))
    assert deviation.confidence.max == pytest.approx(moved("confidence").max())
    assert truth.clips == NAMES
    assert truth.baseline.rpa50 == truth.variant.rpa50 > 0.9, "both are right, not only equal"


@pytest.mark.parametrize("reset", ["variant", "both"])
def test_protocol_resets_the_sides_it_names(
    reset: str, finished: Finished, run_quickly: Callable[..., RunOutcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    titles, draw = list[str](), store_frames.contour_png
    monkeypatch.setattr(store_frames, "contour_png", lambda *args: titles.append(args[2]) or draw(*args))
    fair = reset == "both"
    if not fair:
        monkeypatch.setattr(baseline, "run_chunks", None)  # the frames of a continuous baseline are cached
    outcome = run_quickly(protocol="reset-per-chunk" if fair else "variant-reset-per-chunk")
    result = outcome.result
    assert (result.verdict, result.protocol.fair) == (("pass", True) if fair else ("fail", False))
    assert [title.startswith("UNFAIR: baseline ") for title in titles] == [not fair] * len(CLIPS)
    continuous, frames = finished.frames()[0], read_frames(outcome.folder, NAMES[0])
    assert np.array_equal(frames.baseline.pitch_semitones, continuous.baseline.pitch_semitones) != fair
    assert not np.array_equal(frames.variant.pitch_semitones, continuous.variant.pitch_semitones)
    assert result.truth.delay_ms == finished.result.truth.delay_ms
    assert result.deviation.voiced_frames == finished.result.deviation.voiced_frames


def test_audio_without_f0_is_voiced_by_the_baseline(
    tmp_path: Path, run_quickly: Callable[..., RunOutcome], sing: Callable[[int, float], np.ndarray]
) -> None:
    soundfile.write(tmp_path / "take one.wav", sing(16_000, 1.2), 16_000)
    outcome = run_quickly(tmp_path / "take one.wav")
    result, frames = outcome.result, read_frames(outcome.folder, "take one")
    assert [(clip.name, clip.voiced_by) for clip in result.deviation.clips] == [("take one", "baseline confidence")]
    assert [clip.f0_sha256 for clip in result.audio if clip.role == "score"] == [""]
    assert result.deviation.voiced_frames == (frames.baseline.confidence >= 0.5).sum() >= 20
    assert result.truth.null_reasons["variant"] == "no scored clip has a known f0"
    assert result.verdict == "pass"


# --- the same frames, recorded elsewhere


def test_recorded_frames_score_as_the_program_does(
    finished: Finished, prepared: Prepare, in_process: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(score_external, "BaselineCache", lambda *_, **__: finished.cache)
    expected, variant, frames = finished.result, prepared(), tmp_path / "phone.csv"
    rows = ["clip,pitch_semitones,confidence,volume"]
    for clip in finished.frames():
        columns = zip(*arrays_of(clip.variant)[:3], strict=True)
        rows += [f"{clip.clip},{pitch:.9g},{confidence:.9g},{volume:.9g}" for pitch, confidence, volume in columns]
    frames.write_text("\n".join(rows))
    outcome = score_external_frames(variant, [frames], tmp_path / "out", Progress(), finished.folder / "program.pte")
    result = outcome.result
    assert (result.deviation, result.floor, result.truth) == (expected.deviation, expected.floor, expected.truth)
    assert (result.program, result.speed, result.null_reasons) == (expected.program, None, {"speed": ELSEWHERE})
    assert (result.verdict, result.reasons) == ("pass", ())
    assert read_result(outcome.folder / "result.json") == result
    assert {path.stem for path in (outcome.folder / "pictures").iterdir()} == set(CLIPS)
    assert {used.clip for used in result.recorded} == set(NAMES)
    assert set(result.seconds) == {"score", "pictures", "all"}
    assert result.fingerprint != expected.fingerprint, "or a run would reuse it"


@pytest.mark.parametrize("named", [True, False])
def test_recorded_frames_of_an_unknown_program_are_inconclusive(
    named: bool, finished: Finished, prepared: Prepare, in_process: None, tmp_path: Path
) -> None:
    path, only = tmp_path / "program.pte", finished.folder / "frames" / f"{CLIPS[0]}.npz"
    shutil.copyfile(finished.folder / "program.pte", path)
    arguments = (prepared(), [only], tmp_path / "out", Progress(), path if named else None)
    if named:
        with pytest.raises(ProgramError, match=r"program\.json"):
            score_external_frames(*arguments)
        assert not (tmp_path / "out").exists()
    notes = json.loads((finished.folder / "program.json").read_bytes())
    (tmp_path / "program.json").write_text(json.dumps({**notes, "fingerprint": "f" * 64}))
    result = score_external_frames(*arguments).result
    assert [clip.name for clip in result.audio if clip.role == "score"] == [NAMES[0]]
    assert result.verdict == "inconclusive"
    assert result.reasons == (_PROGRAM_MISMATCH if named else score_external._NO_PROGRAM,)
