"""Variants without a model, and the costly steps of a run replaced: what is left is what a run decides."""

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.helpers.frames import frames_of, paired
from tests.helpers.records.results import stored
from tools.reliability.small_project import RECIPE
from workbench.audio.decode import Clip
from workbench.errors import NativeHostError
from workbench.export.program_file import ProgramFile
from workbench.measure.call_sizes import SizeFigures, size_figures, with_times
from workbench.measure.speed import PairTimes, Speed
from workbench.progress import StageTimer
from workbench.recipe import KnownNames, Recipe, load_recipes
from workbench.records.frames.stored import frames_path
from workbench.records.result import Scores, gate_metrics
from workbench.records.unfinished.scores import picture_path
from workbench.storage.atomic import write_atomic
from workbench.storage.hashing import sha256_of

CLIPS = ("vibrato", "silence")
KEYS = {
    **RECIPE,
    "audio": {"calibrate": ["tone"], "score": list(CLIPS)},
    "gates": {"deviation.pitch.p95_cents": "<= 0.01", "deviation.confidence.max": "<= 1e-4"},
}


def recipe_of(folder: Path, **keys: object) -> Recipe:
    """The recipe KEYS with some keys replaced, named `test`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "test.yaml"
    path.write_text(json.dumps({**KEYS, **keys}))  # JSON is YAML
    (recipe,) = load_recipes([path], KnownNames((), ("tone", *CLIPS), (), gate_metrics()))
    return recipe


def clip_of(name: str, seconds: float = 0.1) -> Clip:
    samples = np.zeros(round(16_000 * seconds), np.float32)
    return Clip(name, Path(f"{name}.wav"), sha256_of(name.encode()), 16_000, samples, 16_000, 1, None)


def variant_of(folder: Path, **keys: object) -> Any:
    """The variant of `recipe_of`, whose model is missing and whose checkpoint is never read."""
    from workbench.measure.timing import BaselineSpec
    from workbench.workflows.variant.fingerprint import SourceHashes
    from workbench.workflows.variant.prepare import PreparedVariant

    class Variant(PreparedVariant):
        def check_unchanged(self) -> None: ...

    recipe = recipe_of(folder, **keys)
    model: Any = SimpleNamespace(algorithmic_ms=16.0)
    return Variant(
        recipe=recipe,
        baseline=BaselineSpec(recipe.checkpoint, recipe.stream_config, recipe.reduction, False),
        model=model,
        checkpoint_sha256="c" * 64,
        source=SourceHashes("p" * 64, "r" * 64),
        calibration_clips=(clip_of("tone"),),
        scored_clips=tuple(clip_of(name) for name in recipe.audio.score),
    )


def steady_timing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Narrows the intervals of speedups to their medians, so that no timing is inconclusive on a busy machine."""
    from workbench.workflows.variant import run

    def steady(*arguments: Any) -> Speed:
        speed = time_pair(*arguments)
        native = speed.native and steady_speed(speed.native)
        return steady_speed(speed).replace(native=native)

    def steady_speed(speed: Any) -> Any:
        return speed.replace(speedup_low=speed.speedup_p50, speedup_high=speed.speedup_p50)

    time_pair = run.time_pair
    monkeypatch.setattr(run, "time_pair", steady)


class FakeSteps:
    """The exporter, the first run of a program, the scorer and the timer of a run.

    `done` lists the costly steps that ran. `errors` has an exception for each step that is to fail.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from workbench.workflows.variant import build, build_and_score, run

        self.done: list[str] = []
        self.errors: dict[str, BaseException] = {}
        self.unsupported = ""
        self.content = b"a program"
        for module, name, step in (
            (build, "_export", self.export),
            (build, "trial_run", self.first_run),
            (build, "unsupported_reason", lambda *_: self.unsupported),
            (run, "unsupported_reason", lambda *_: self.unsupported),
            (build_and_score, "ProgramFrames", lambda *_: None),
            (build_and_score, "score", self.score),
            (build_and_score, "store_frames", self.store_frames),
            (build_and_score, "score_sizes", self.score_sizes),
            (run, "time_sizes", self.time_sizes),
            (run, "find_native_side", lambda *_: NativeHostError("not built in this test")),
            (run, "time_pair", self.time),
            (run, "gc", SimpleNamespace(collect=lambda: None)),  # takes a second, and there is no model to free
        ):
            monkeypatch.setattr(module, name, step)

    def _step(self, name: str) -> None:
        if name in self.errors:
            raise self.errors[name]
        self.done.append(name)

    def take_done(self) -> list[str]:
        """Returns the steps that ran since the last call."""
        done, self.done = self.done, []
        return done

    def export(self, variant: Any, path: Path, *_: object) -> ProgramFile:
        self._step("export")
        write_atomic(path, self.content)
        program = stored().program
        assert program is not None
        return program.replace(path=path.name, sha256=sha256_of(self.content), bytes=len(self.content))

    def first_run(self, path: Path, *_: object) -> float:
        if "first run" in self.errors:
            raise self.errors["first run"]
        return 1.0

    def score(self, variant: Any, frames: object, cache: object, progress: object, timer: StageTimer) -> Any:
        self._step("score")
        with timer.stage("score"):
            scores = Scores(**{name: getattr(stored(), name) for name in Scores.model_fields if name != "null_reasons"})
        return SimpleNamespace(scores=scores)

    def store_frames(self, variant: Any, scored: object, folder: Path, *_: object) -> None:
        for clip in variant.scored_clips:
            for path_of in (frames_path, picture_path):
                write_atomic(path_of(folder, clip.name), variant.fingerprint.encode())
        if "store" in self.errors:
            raise self.errors["store"]

    def score_sizes(self, variant: Any, *_: object) -> tuple[SizeFigures, ...]:
        self._step("score sizes")
        frames = [paired(frames_of([60] * 8, margin=0.5), frames_of([60.25] * 8))]
        return tuple(size_figures(size, variant.stream, frames, 0.5) for size in variant.stream.sizes)

    def time_sizes(self, _: object, __: object, sizes: Sequence[SizeFigures], *___: object) -> tuple[SizeFigures, ...]:
        self._step("time sizes")
        return tuple(with_times(size, PairTimes(np.full((2, 3), 6.0), np.full((2, 3), 2.0))) for size in sizes)

    def time(self, *_: object) -> Speed:
        self._step("time")
        speed = stored().speed
        assert speed is not None
        return speed


def files(folder: Path) -> dict[str, bytes]:
    """The content of every file below a folder, by its relative path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def visible_files(folder: Path) -> dict[str, bytes]:
    """The same without what is in hidden folders, such as staged files."""
    return {name: content for name, content in files(folder).items() if not name.startswith(".")}
