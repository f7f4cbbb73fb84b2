"""A soak as a workflow: recipes that are refused, a program that crashes on the way; and, slow, a real one."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.helpers.progress import RecordedProgress
from tests.helpers.soak import soak_segment
from workbench.errors import ChangedError, ProgramError, RecipeError
from workbench.measure.soak import SoakProgress, SoakSegment
from workbench.progress import Progress
from workbench.records.soak import Soak
from workbench.workflows import soak
from workbench.workflows.variant import build

CALIB_AUDIO = Path(__file__).parents[2] / "calib_audio"


class CrashingWorker:
    """A stream of one report, after which the process aborts."""

    segment: SoakSegment | None = None

    def __init__(self, *_: object) -> None:
        self.reports = iter([SoakProgress(600, 1500, 60.0, self.segment)])

    def advance(self) -> SoakProgress:
        return next(self.reports, None) or os.abort()


class LaterCrashingWorker(CrashingWorker):
    segment = soak_segment(1.0)


@pytest.fixture
def variant() -> Any:
    recipe = SimpleNamespace(
        source=Path("r.yaml"),
        streams=1,
        protocol="continuous",
        outputs=("pitch", "confidence"),
        scoring=SimpleNamespace(voiced_confidence=0.5),
        speed=SimpleNamespace(threads=1),
    )
    clips = [SimpleNamespace(samples=np.ones(4, np.float32))]
    return SimpleNamespace(recipe=recipe, baseline=None, scored_clips=clips, program_fingerprint="f" * 64)


@pytest.mark.parametrize(
    ("key", "value"), [("streams", 2), ("protocol", "reset-per-chunk"), ("outputs", ("pitch", "volume"))]
)
def test_recipe_that_is_no_long_stream_is_refused(key: str, value: object, variant: Any, tmp_path: Path) -> None:
    setattr(variant.recipe, key, value)
    with pytest.raises(RecipeError, match=rf"^r\.yaml: {key}: "):
        soak.soak(variant, tmp_path / "out", 1, Progress())
    assert not (tmp_path / "out").exists()


def test_crash_in_the_first_segment_is_an_error(variant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak, "SoakWorker", CrashingWorker)
    progress = RecordedProgress()
    with pytest.raises(ProgramError, match=r"^program\.pte: after 60 s of audio, the program crashed"):
        soak._run_stream(variant, Path("program.pte"), 1, progress)
    assert progress.stages == {"stream": (600, 1500)}


def test_segments_before_a_crash_are_kept(variant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak, "SoakWorker", LaterCrashingWorker)
    stream = soak._run_stream(variant, Path("program.pte"), 1, Progress())
    assert [segment.until_s for segment in stream.segments] == [1.0]
    assert stream.ended == "after 60 s of audio, the program crashed the runtime"


def test_program_that_cannot_run_here_is_not_streamed(
    variant: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    built = SimpleNamespace(program=SimpleNamespace(path="program.pte"), unsupported_reason="not run here: no backend")
    monkeypatch.setattr(build, "build", lambda *_: built)
    with pytest.raises(ProgramError, match=r"program\.pte: not run here"):
        soak.soak(variant, tmp_path, 1, Progress())


def test_change_during_a_soak_is_an_error(variant: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def changed() -> None:
        raise ChangedError("own.ckpt: changed")

    variant.check_unchanged = changed
    monkeypatch.setattr(soak, "build_to_run", lambda *_: SimpleNamespace(path="program.pte"))
    monkeypatch.setattr(soak, "_run_stream", lambda *_: None)
    with pytest.raises(ChangedError):
        soak.soak(variant, tmp_path, 1, Progress())


RECIPE = """
description: A test
sample_rate_hz: 16000
chunk_samples: 320
mirror: 1
audio: {calibrate: [], score: [synthetic/score/phrase-alto]}
gates: {deviation.pitch.max_cents: "<= 0.1"}
"""


@pytest.mark.slow
def test_real_program_stays_near_the_baseline(tmp_path: Path) -> None:
    """In a child process, whose threads it may set."""
    (tmp_path / "voice.yaml").write_text(RECIPE)
    words = ["soak", "voice.yaml", "--hours", "0.005", "--out", "long", "--calib-audio", str(CALIB_AUDIO)]
    command = [sys.executable, "-m", "workbench", *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode in (0, 3), done.stderr  # 3 if another process slowed the last segments down
    result = Soak.model_validate_json((tmp_path / "long" / "soak.json").read_bytes())
    assert len(result.stretches) == 12
    assert sum(segment.frames for segment in result.stretches) == 900  # 18 s: the phrase three times without a reset
    assert max(segment.pitch.max_cents for segment in result.stretches if segment.voiced_frames) < 0.1
    assert "voice: " in done.stdout and "long/soak.json" in done.stdout
