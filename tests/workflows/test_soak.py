"""A soak as a workflow: recipes that are refused, a program that crashes on the way; and, slow, a real one."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from tests.helpers.models.programs import ProgramFactory
from tests.helpers.native_host import KILLED, faulty_host
from tests.helpers.progress import RecordedProgress
from tests.helpers.project import LEAST_RECIPE, workbench
from tests.helpers.records.soak import soak_segment
from workbench.errors import (
    ChangedError,
    NativeCrashError,
    NativeHostError,
    ProgramCrashError,
    ProgramError,
    RecipeError,
)
from workbench.measure.soak import SoakProgress, SoakSegment
from workbench.measure.timing import BaselineSpec
from workbench.progress import Progress
from workbench.recipe.stream_config import StreamConfig
from workbench.records.soak import Soak
from workbench.runtime.native.build import native_host
from workbench.storage.cache_folder import cache_folder
from workbench.workflows import soak
from workbench.workflows.variant import build

CALIB_AUDIO = Path(__file__).parents[2] / "calib_audio"


@pytest.fixture
def variant() -> Any:
    recipe = SimpleNamespace(
        source=Path("r.yaml"),
        streams=1,
        protocol="continuous",
        outputs=("pitch", "confidence"),
        lowering=SimpleNamespace(backend="xnnpack"),
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


@pytest.mark.parametrize("segments", [(), (soak_segment(1.0),)], ids=["first segment", "second segment"])
@pytest.mark.parametrize("error", [ProgramCrashError, NativeCrashError])
def test_crash_ends_the_stream(
    segments: tuple[SoakSegment, ...], error: type[ProgramError], variant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports = [SoakProgress(600, 1500, 60.0, *(segments or (None,))), error("the program crashed the runtime")]
    worker, progress = SimpleNamespace(call=Mock(side_effect=reports)), RecordedProgress()
    monkeypatch.setattr(soak.IsolatedProcess, "start", lambda *_: worker)
    if segments:
        stream = soak._run_stream(variant, Path("program.pte"), 1, progress)
        assert stream == soak._LongStream(segments, "after 60 s of audio, the program crashed the runtime")
    else:
        with pytest.raises(ProgramError, match=r"^program\.pte: after 60 s of audio, the program crashed"):
            soak._run_stream(variant, Path("program.pte"), 1, progress)
    assert progress.stages == {"stream": (600, 1500)}


@pytest.mark.parametrize(("unsupported", "error"), [("not run here: no backend", ProgramError), ("", ChangedError)])
def test_unsupported_or_changed_program_has_no_soak(
    unsupported: str, error: type[Exception], variant: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    built = SimpleNamespace(program=SimpleNamespace(path="program.pte"), unsupported_reason=unsupported)
    variant.check_unchanged = Mock(side_effect=ChangedError("own.ckpt: changed"))
    monkeypatch.setattr(build, "build", lambda *_: built)
    monkeypatch.setattr(soak, "_run_stream", lambda *_: None)
    with pytest.raises(error):
        soak.soak(variant, tmp_path, 1, Progress())


@pytest.mark.slow
def test_stream_in_the_native_host(variant: Any, program: Path, stream: StreamConfig, tmp_path: Path) -> None:
    variant.baseline = BaselineSpec("mir-1k_g7", stream, "alwa", False)
    killed = faulty_host(tmp_path / "host", program, KILLED)
    with pytest.raises(NativeHostError, match="the native host ended with SIGKILL") as caught:
        soak._run_stream(variant, program, 1, Progress(), killed)
    assert not isinstance(caught.value, ProgramError)
    try:
        host = native_host(cache_folder("hosts"))
    except NativeHostError as error:
        pytest.skip(str(error))
    segments = soak._run_stream(variant, program, 0.001, Progress(), host).segments
    assert len(segments) == 12 and all(segment.confidence_max < 1e-3 for segment in segments)
    assert all(segment.resident_bytes < 1e8 and segment.variant_p50_ms > 0 for segment in segments)


@pytest.mark.slow
def test_real_program_stays_near_the_baseline(
    project: Path, program_for: ProgramFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "_export", program_for.export)
    phrase = "audio: {calibrate: [], score: [synthetic/score/phrase-alto]}\n"
    (project / "voice.yaml").write_text(f'{LEAST_RECIPE}{phrase}gates: {{deviation.pitch.max_cents: "<= 0.1"}}\n')
    done = workbench("soak", "voice.yaml", "--hours", "0.005", "--out", "long", "--calib-audio", CALIB_AUDIO)
    assert done.exit_code in (0, 3), done.stderr  # 3 if another process slowed the last segments down
    result = Soak.model_validate_json(Path("long/soak.json").read_bytes())
    assert len(result.stretches) == 12
    assert sum(segment.frames for segment in result.stretches) == 900  # 18 s: the phrase three times without a reset
    assert max(segment.pitch.max_cents for segment in result.stretches if segment.voiced_frames) < 0.1
    assert "voice: " in done.stdout and "long/soak.json" in done.stdout and Path("long/soak.png").is_file()
