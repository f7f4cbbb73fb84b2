"""The baseline's frames in the cache: computed once for the same inputs, and again for others."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.frames import assert_same
from tests.helpers.variants import clip_of
from workbench.errors import WorkerKilledError
from workbench.measure.timing import BaselineSpec
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.session import Frames
from workbench.workflows.variant import baseline
from workbench.workflows.variant.baseline import BaselineCache, Request

STREAM = StreamConfig(16_000, 160, 2, 1.0)
SPEC = BaselineSpec("one", STREAM, "argmax", False)
CLIP = replace(clip_of("a"), samples=np.linspace(-0.5, 0.5, 3_200, dtype=np.float32))
GIVEN: dict[str, Any] = {"spec": SPEC, "threads": 1, "clip": CLIP, "handling": "continuous", "call_sizes": (1,)}


def frames(cache: BaselineCache, **given: Any) -> Frames:
    return cache.frames(given.pop("spec"), given.pop("threads"), Request(**given))


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """The samples of each run of the baseline, whose frames are those samples."""
    ran: list[np.ndarray] = []

    def run_chunks(_: object, samples: np.ndarray, __: object) -> Frames:
        ran.append(samples)
        return Frames(samples, samples + 1, samples + 2, samples + 3)

    monkeypatch.setattr(baseline, "run_chunks", run_chunks)
    monkeypatch.setattr(baseline, "with_state_handling", lambda _, session: session)
    monkeypatch.setattr(baseline, "checkpoint_sha256", lambda name: name)
    monkeypatch.setattr(BaselineSpec, "session", lambda _: None)
    return ran


def test_frames_of_an_earlier_run_are_read(tmp_path: Path, runs: list[np.ndarray]) -> None:
    first = frames(BaselineCache(tmp_path), **GIVEN)
    assert_same(frames(BaselineCache(tmp_path), **GIVEN | {"clip": replace(CLIP, name="b", sha256="1")}), first)
    assert len(runs) == 1
    frames(BaselineCache(tmp_path, fresh=True), **GIVEN)
    assert len(runs) == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"spec": replace(SPEC, reduction="alwa")},
        {"spec": replace(SPEC, stream=replace(STREAM, mirror=0.5))},
        {"spec": replace(SPEC, checkpoint="other")},
        {"threads": 2},
        {"clip": replace(CLIP, samples=CLIP.samples / 2)},
        {"handling": "reset-per-chunk"},
        {"call_sizes": (1, 2)},
        {"dither": True},
        "code",
        "damaged",
    ],
    ids=str,
)
def test_other_inputs_and_damaged_frames_run_again(
    changed: Any, tmp_path: Path, runs: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    frames(BaselineCache(tmp_path), **GIVEN)
    (file,) = tmp_path.rglob("*.npz")
    if changed == "code":
        monkeypatch.setattr(baseline, "baseline_environment", lambda: "other")
    if changed == "damaged":
        file.write_bytes(file.read_bytes()[:-400])
    given = GIVEN if isinstance(changed, str) else GIVEN | changed
    for _ in range(2):
        frames(BaselineCache(tmp_path), **given)
    assert len(runs) == 2


@pytest.mark.parametrize("lost", ["", "its worker died", "another processor"])
def test_workers_share_what_is_missing(lost: str, tmp_path: Path, runs: list[np.ndarray]) -> None:
    class Two:
        count = 2
        calls = 0

        def call(self, function: Any, *arguments: Any) -> Any:
            self.calls += 1
            is_first = self.calls == 1
            if is_first and lost == "its worker died":
                raise WorkerKilledError("killed")
            found = function(*arguments)
            return replace(found, environment_sha256="other") if is_first and lost else found

    frames(BaselineCache(tmp_path), **GIVEN)
    workers: Any = Two()
    cache = BaselineCache(tmp_path, workers=workers)
    requests = [Request(clip_of("a", seconds), "continuous", (1,), dither) for seconds in (1, 2) for dither in (0, 1)]
    with cache.computing(SPEC, 1, [Request(CLIP, "continuous", (1,)), *requests]):
        pass  # a build, for example
    assert workers.calls == 4 and len(runs) == 1 + 4 - (lost == "its worker died")
    before = len(runs)
    for request in requests:
        cache.frames(SPEC, 1, request)
    assert len(runs) == before + bool(lost), "this machine runs what was lost"
    for request in requests:
        assert_same(cache.frames(SPEC, 1, request), frames(BaselineCache(), **GIVEN | vars(request)))
