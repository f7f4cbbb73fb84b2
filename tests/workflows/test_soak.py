"""A soak as a workflow: recipes that are refused, a program that crashes on the way, and a real one."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tests.helpers.progress import RecordedProgress
from tests.helpers.soak import soak_of
from workbench.errors import ChangedError, ProgramError
from workbench.measure.soak import SoakProgress, SoakSegment
from workbench.progress import Progress
from workbench.records.soak import Soak


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


def test_segments_before_a_crash_are_kept_and_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.workflows import soak

    monkeypatch.setattr(soak, "SoakWorker", CrashingLater)
    recipe = SimpleNamespace(scoring=SimpleNamespace(voiced_confidence=0.5), speed=SimpleNamespace(threads=1))
    job = SimpleNamespace(recipe=recipe, baseline=None, scored_clips=[SimpleNamespace(samples=np.ones(4, np.float32))])
    stretches, ended = soak._streamed(job, Path("program.pte"), 1, Progress())  # type: ignore[arg-type]
    assert ([part.until_s for part in stretches], ended) == (
        [1.0],
        "after 60 s of audio, the program crashed the runtime",
    )


RECIPE = """
description: A test
sample_rate_hz: 16000
chunk_samples: 320
mirror: 1
audio: {calibrate: [], score: [synthetic/score/phrase-alto]}
gates: {deviation.pitch.max_cents: "<= 0.1"}
"""


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Runs the workbench in a child process, whose threads it may fix."""
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
