"""A long stream, short: its parts, and a session that goes wrong slowly."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tests.helpers.progress import RecordedProgress
from workbench.audit.soak_verdict import judged
from workbench.errors import ChangedError, ProgramError
from workbench.measure.soak import SoakProgress, SoakSegment, long_stream
from workbench.progress import Progress
from workbench.recipe import Gate
from workbench.recipe.stream_config import StreamConfig
from workbench.records.soak import Soak
from workbench.runtime.session import Frames

STREAM = StreamConfig(1000, 100, 1, 0.0)


class Counter:
    """A session whose pitch moves by `drift` semitones a call, and that starts over at a reset alone."""

    def __init__(self, drift: float) -> None:
        self.stream, self.drift, self.calls, self.heard = STREAM, drift, 0, []

    def reset(self, stream: int | None = None) -> None:
        self.calls, self.heard = 0, []

    def step(self, chunk: np.ndarray) -> Frames:
        self.calls += 1
        self.heard.append(chunk[0])
        return Frames(*(np.array([value], np.float32) for value in (60 + self.drift * self.calls, 0.9, 1.0)))


def test_a_drift_shows_from_part_to_part() -> None:
    steady, drifting = Counter(0.0), Counter(0.125)
    clip = np.repeat(np.arange(3, dtype=np.float32), 100)
    looped = np.concatenate([clip, clip[:50]])
    told = list(long_stream(steady, drifting, looped, 4 / 3600, 0.5, segments=4))  # 4 s, 40 calls
    parts = [heard.segment for heard in told]
    assert [part.pitch.max_cents for part in parts] == [125, 250, 375, 500]
    assert drifting.heard == steady.heard == [float(at % 3) for at in range(40)]  # whole calls, over and over
    assert all(part.resident_bytes > 1_000_000 and part.confidence_max == 0 for part in parts)
    assert [part.until_s for part in parts] == [1, 2, 3, 4]
    assert [(part.frames, part.voiced_frames) for part in parts] == [(10, 10)] * 4
    assert [(heard.calls_done, heard.calls, heard.until_s) for heard in told] == [
        (10, 40, 1),
        (20, 40, 2),
        (30, 40, 3),
        (40, 40, 4),
    ]


def test_it_tells_how_far_it_is_every_minute() -> None:
    told = list(long_stream(Counter(0.0), Counter(0.0), np.ones(300, np.float32), 150 / 3600, 0.5, segments=1))
    assert [(heard.calls_done, heard.calls) for heard in told] == [(600, 1500), (1200, 1500), (1500, 1500)]
    assert [heard.segment is not None for heard in told] == [False, False, True]


def soak_of(drift: float, **last: object) -> Soak:
    """Four parts; the last with some figures changed."""
    told = long_stream(Counter(0.0), Counter(drift), np.ones(300, np.float32), 4 / 3600, 0.5, segments=4)
    *parts, end = (heard.segment for heard in told if heard.segment)
    parts = [part.model_copy(update={"variant_p50_ms": 1.0, "resident_bytes": 500}) for part in (*parts, end)]
    parts[-1] = parts[-1].model_copy(update=last)
    return Soak.model_construct(stretches=tuple(parts))


GATES = (Gate("deviation.pitch.max_cents", "<=", 400), Gate("deviation.confidence.max", "<=", 0))


def test_every_part_has_to_keep_the_gates_on_pitch() -> None:
    steady, drifting = judged(soak_of(0.0), GATES, 40), judged(soak_of(0.125), GATES, 40)
    assert (steady.verdict, steady.reasons) == ("pass", ())
    assert drifting.verdict == "fail"
    assert drifting.reasons == ("until 4 s: deviation.pitch.max_cents is 500, wants <= 400",)


def test_a_process_that_grows_fails_and_slower_calls_are_inconclusive() -> None:
    grown = judged(soak_of(0.0, resident_bytes=550), GATES, 40)
    assert (grown.verdict, grown.reasons) == (
        "fail",
        ("the process grew by 10.0% after the first part, wants at most 2%",),
    )
    slower = judged(soak_of(0.0, variant_p50_ms=2.0), GATES, 40)
    assert slower.verdict == "inconclusive"
    assert slower.reasons == ("calls took 2.00 times as long at the end as at the start; run it on a quiet machine",)


def test_confidence_real_time_and_finite_frames_count() -> None:
    assert judged(soak_of(0.0, confidence_max=0.5), GATES, 40).reasons == (
        "until 4 s: deviation.confidence.max is 0.5, wants <= 0",
    )
    assert judged(soak_of(0.0, real_time_factor=1.25), GATES, 40).reasons == (
        "until 4 s: a call takes 1.25 times as long as its audio",
    )
    broken = judged(soak_of(0.0, nonfinite_frames=3), GATES, 40)
    assert (broken.verdict, broken.reasons) == ("fail", ("until 4 s: 3 of 10 frames are not finite",))
    unknown = judged(soak_of(0.0, baseline_nonfinite_frames=3), GATES, 40)
    says = "until 4 s: 3 of 10 frames of upstream itself are not finite"
    assert (unknown.verdict, unknown.reasons) == ("inconclusive", (says,))


def test_each_side_s_broken_frames_are_counted_apart() -> None:
    for broken, counts in (((float("nan"), 0.0), (10, 0)), ((0.0, float("nan")), (0, 10))):
        told = long_stream(*map(Counter, broken), np.ones(300, np.float32), 1 / 3600, 0.5, segments=1)
        (part,) = (heard.segment for heard in told)
        assert (part.baseline_nonfinite_frames, part.nonfinite_frames) == counts


def test_calls_longer_than_it_tells_are_told_each() -> None:
    counter = Counter(0.0)
    counter.stream = StreamConfig(1000, 130_000, 1, 0.0)  # 130 s
    told = list(long_stream(counter, counter, np.ones(130_000, np.float32), 260 / 3600, 0.5, segments=1))
    assert [heard.calls_done for heard in told] == [1, 2]


def test_without_a_gate_on_pitch_nothing_is_passed() -> None:
    free = judged(soak_of(0.0), (), 40)
    assert free.verdict == "inconclusive"
    assert free.reasons == (
        "no gate holds its pitch to upstream's; give the recipe one, such as deviation.pitch.p95_cents: <= 1",
    )


def test_a_figure_that_is_not_there_is_a_doubt() -> None:
    soak = soak_of(0.0)
    silent = soak.stretches[0].pitch.model_copy(
        update={"max_cents": None, "null_reasons": {"max_cents": "no voiced frame"}}
    )
    parts = (soak.stretches[0].model_copy(update={"pitch": silent}), *soak.stretches[1:])
    doubted = judged(soak.model_copy(update={"stretches": parts}), GATES, 40)
    assert (doubted.verdict, doubted.reasons) == (
        "inconclusive",
        ("until 1 s: deviation.pitch.max_cents has no value: no voiced frame",),
    )


def test_few_voiced_frames_are_a_doubt() -> None:
    doubted = judged(soak_of(0.0), GATES, 41)  # 10 in each of four parts
    assert (doubted.verdict, doubted.reasons) == ("inconclusive", ("only 40 voiced frames, wants 41",))


class Crashing:
    """A stream of one report; then the process aborts, as a broken program makes it."""

    segment: SoakSegment | None = None

    def __init__(self, *_: object) -> None:
        self.reports = iter([SoakProgress(600, 1500, 60.0, self.segment)])

    def advance(self) -> SoakProgress:
        return next(self.reports, None) or os.abort()


class CrashingLater(Crashing):
    segment = soak_of(0.0).stretches[0]


def test_a_program_that_crashes_on_the_way_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.workflows import soak

    monkeypatch.setattr(soak, "SoakWorker", Crashing)
    scoring, speed = SimpleNamespace(voiced_confidence=0.5), SimpleNamespace(threads=1)
    recipe = SimpleNamespace(scoring=scoring, speed=speed)
    job = SimpleNamespace(recipe=recipe, baseline=None, scored_clips=[SimpleNamespace(samples=np.ones(4, np.float32))])
    progress = RecordedProgress()
    with pytest.raises(ProgramError) as caught:
        soak._streamed(job, Path("program.pte"), 1, progress)  # type: ignore[arg-type]
    assert str(caught.value) == "program.pte: after 60 s of audio, the program crashed the runtime"
    assert progress.stages == {"stream": (600, 1500)}


def test_what_was_heard_before_a_crash_is_kept_and_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.workflows import soak

    monkeypatch.setattr(soak, "SoakWorker", CrashingLater)
    recipe = SimpleNamespace(scoring=SimpleNamespace(voiced_confidence=0.5), speed=SimpleNamespace(threads=1))
    job = SimpleNamespace(recipe=recipe, baseline=None, scored_clips=[SimpleNamespace(samples=np.ones(4, np.float32))])
    stretches, ended = soak._streamed(job, Path("program.pte"), 1, Progress())  # type: ignore[arg-type]
    assert ([part.until_s for part in stretches], ended) == (
        [1.0],
        "after 60 s of audio, the program crashed the runtime",
    )
    broken = soak_of(0.0).model_copy(update={"ended": ended})
    assert (judged(broken, GATES, 40).verdict, judged(broken, GATES, 40).reasons) == ("fail", (ended,))


RECIPE = """
description: A test
sample_rate_hz: 16000
chunk_samples: 320
mirror: 1
audio: {calibrate: [], score: [synthetic/score/phrase-alto]}
gates: {deviation.pitch.max_cents: "<= 0.1"}
"""


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, whose threads it may fix."""
    calib_audio = Path(__file__).parent.parent.parent / "calib_audio"
    return subprocess.run(
        [sys.executable, "-m", "workbench", *words, "--calib-audio", calib_audio],
        capture_output=True,
        text=True,
        cwd=folder,
    )


@pytest.mark.parametrize(
    ("key", "variant", "problem"),
    [
        ("matrix: {streams: [1, 2]}", "voices@streams=2", "streams: a long stream is of one voice, got 2"),
        ("protocol: reset-per-chunk", "voices", "protocol: a long stream is continuous, got reset-per-chunk"),
    ],
)
def test_what_is_no_long_stream_is_refused(tmp_path: Path, key: str, variant: str, problem: str) -> None:
    (tmp_path / "voices.yaml").write_text(RECIPE + key)
    result = command(tmp_path, "soak", "voices.yaml", "--variant", variant)
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1] == f"error: voices.yaml: {problem}"
    assert [path.name for path in tmp_path.iterdir()] == ["voices.yaml"]


def test_a_program_that_cannot_run_here_is_not_streamed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from workbench.workflows import soak

    elsewhere = "not run here: this runtime has no such backend; there: a command"
    built = SimpleNamespace(program=SimpleNamespace(path="program.pte"), unsupported_reason=elsewhere)
    monkeypatch.setattr(soak.building, "build", lambda *_: built)
    recipe = SimpleNamespace(streams=1, protocol="continuous", outputs=("pitch", "confidence"))
    with pytest.raises(ProgramError) as caught:
        job = SimpleNamespace(recipe=recipe, program_fingerprint="f" * 64)
        soak.soak(job, tmp_path, 1, Progress())  # type: ignore[arg-type]
    assert str(caught.value) == f"{tmp_path}/program.pte: {elsewhere}"


def test_what_changed_while_it_was_streamed_has_no_record(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from workbench.workflows import soak

    def changed() -> None:
        raise ChangedError("own.ckpt: changed while it was used; run again")

    monkeypatch.setattr(soak.building, "build_to_run", lambda *_: SimpleNamespace(path="program.pte"))
    monkeypatch.setattr(soak, "_streamed", lambda *_: ((), ""))
    recipe = SimpleNamespace(streams=1, protocol="continuous", outputs=("pitch", "confidence"))
    job = SimpleNamespace(recipe=recipe, program_fingerprint="f" * 64, check_unchanged=changed)
    with pytest.raises(ChangedError):
        soak.soak(job, tmp_path, 1, Progress())  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_program_streams_on_as_upstream_does(tmp_path: Path) -> None:
    (tmp_path / "voice.yaml").write_text(RECIPE)
    result = command(tmp_path, "soak", "voice.yaml", "--hours", "0.005", "--out", "long")
    assert result.returncode in (0, 3), result.stderr  # 3 where another job slowed the end down
    soak = Soak.model_validate_json((tmp_path / "long" / "soak.json").read_bytes())
    assert len(soak.stretches) == 12
    assert sum(part.frames for part in soak.stretches) == 900  # 18 s: the phrase three times, without a reset between
    assert max(part.pitch.max_cents for part in soak.stretches if part.voiced_frames) < 0.1
    assert "voice: " in result.stdout and "long/soak.json" in result.stdout
