"""Properties of all recipes, all audio and all chunk schedules, on random examples.

`FUZZ=5 pytest tests/properties/test_properties.py` tries five times as many. docs/results/fuzzing.md has the numbers,
and the results of a longer search.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, assume, given, reject, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tests.helpers.drawn_recipes import recipes
from workbench.audio.decode import read_clip
from workbench.errors import AudioError, ProgramError, RecipeError, WorkbenchError
from workbench.recipe import KnownNames, Recipe, from_resolved, load_recipes
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.session import Session, run_chunks

MORE = int(os.environ.get("FUZZ", "1"))
anything_slow = (HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much)


def few(examples: int) -> settings:
    return settings(max_examples=examples * MORE, deadline=None, suppress_health_check=anything_slow)


# --- recipes

KNOWN_NAMES = KnownNames(
    checkpoints=("mir-1k_g7", "mir-1k"),
    clips=("a", "sung/take-1"),
    clip_folders=("synthetic", "synthetic/calibrate", "synthetic/score", "sung", "sung/calibrate"),
    metrics=("program.bytes", "deviation.pitch.p95_cents", "speed.speedup_low"),
)


def load(keys: dict[str, Any], folder: Path) -> Recipe:
    """Returns the recipe, read from a YAML file. Keys that do not fit together are rejected in lines of text."""
    path = folder / "drawn.yaml"
    with path.open("w", encoding="utf-8") as file:
        YAML(typ="safe", pure=True).dump(keys, file)
    try:
        (recipe,) = load_recipes([path], KNOWN_NAMES)
    except RecipeError as error:
        assert all(problem.startswith(f"{path}: ") and problem.isprintable() for problem in error.problems)
        reject()
    return recipe


@few(60)
@given(keys=recipes)
def test_resolved_recipe_is_the_same_recipe(keys: dict[str, Any], tmp_path: Path) -> None:
    """Also after the way through a YAML file, and without a file."""
    recipe = load(keys, tmp_path)
    again = load(recipe.resolved(), tmp_path)
    assert (again, again.sha256) == (recipe, recipe.sha256)
    assert from_resolved("drawn", recipe.source, recipe.resolved()) == recipe


@pytest.mark.slow
@few(15)
@given(keys=recipes)
def test_valid_recipe_is_prepared_or_rejected_in_one_line(keys: dict[str, Any], tmp_path: Path) -> None:
    """Builds the model, but does not lower it, which takes ten seconds each."""
    from workbench.workflows.variant.prepare import prepare

    recipe = load(keys, tmp_path)
    assume(recipe.sample_rate_hz * recipe.streams < 200_000)  # larger ones take too long
    try:
        variant = prepare(recipe)
    except WorkbenchError as error:
        assert str(error).strip() and "\n" not in str(error)
    else:
        assert variant.model.algorithmic_ms > 0
        assert variant.stream.chunk_samples == recipe.chunk_samples


# --- audio

sample = st.floats(-2, 2, width=32)


@few(60)
@given(
    samples=st.lists(sample, min_size=1, max_size=400),
    channels=st.integers(1, 8),
    rate_hz=st.sampled_from([8000, 11_025, 44_100, 96_000, 192_000]),
    to_hz=st.sampled_from([8000, 16_000, 48_000]),
)
def test_any_samples_are_read_or_rejected(
    samples: list[float], channels: int, rate_hz: int, to_hz: int, tmp_path: Path
) -> None:
    """Finite, one channel, and as long as it was, to a sample."""
    path = tmp_path / "a.wav"
    soundfile.write(path, np.tile(np.float32(samples)[:, None], channels), rate_hz, "FLOAT")
    try:
        clip = read_clip(path, to_hz)
    except AudioError as error:
        assert str(error) == f"{path}: has no samples; record it again or delete it"
        assert len(samples) * to_hz / rate_hz < 1
    else:
        assert clip.samples.ndim == 1 and np.isfinite(clip.samples).all()
        assert abs(len(clip.samples) - len(samples) * to_hz / rate_hz) <= 1


def read_or_rejected(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        assert np.isfinite(read_clip(path, 16_000).samples).all()
    except AudioError as error:
        assert str(error).startswith(f"{path}: ") and "\n" not in str(error)


@few(150)
@given(head=st.sampled_from([b"", b"RIFF", b"fLaC", b"OggS", b"ID3", b"FORM"]), content=st.binary(max_size=300))
def test_any_bytes_are_audio_or_rejected(head: bytes, content: bytes, tmp_path: Path) -> None:
    read_or_rejected(tmp_path / "a.wav", head + content)


@few(150)
@given(at=st.integers(0, 300), byte=st.integers(0, 255), cut=st.none() | st.integers(0, 2000))
@pytest.mark.parametrize("form", ["WAV", "FLAC", "OGG", "AIFF", "AU", "CAF"])
def test_damaged_file_is_audio_or_rejected(form: str, at: int, byte: int, cut: int | None, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, 0.2 * np.sin(np.arange(1500) / 9), 16_000, format=form)
    content = bytearray(path.read_bytes())
    content[min(at, len(content) - 1)] = byte
    read_or_rejected(path, content[:cut])


# --- chunk schedules

MOST = 6
ANY = StreamConfig(16_000, 320, 1, 0.0, MOST)  # mirror 0: how a stream is cut has to make no difference
WRONG = {
    "too long": np.zeros((MOST + 1) * 320, np.float32),
    "too short": np.zeros(0, np.float32),
    "not whole hops": np.zeros(321, np.float32),
    "whole numbers": np.zeros(320, np.int16),
    "two rows": np.zeros((2, 320), np.float32),
}
schedules = st.lists(st.integers(1, MOST) | st.sampled_from(["reset", *WRONG]), min_size=1, max_size=25)


def follow(session: Session, samples: np.ndarray, steps: list[int | str], expected: np.ndarray) -> None:
    """The steps one by one: frames equal those of one run since the last reset; a wrong chunk changes nothing."""
    session.reset()
    at = 0
    for step in steps:
        if step == "reset":
            session.reset()
            at = 0
        elif isinstance(step, str):
            with pytest.raises(ProgramError):
                session.step(WRONG[step])
        elif (at + step) * 320 <= len(samples):
            frames = session.step(samples[at * 320 : (at + step) * 320])
            got = np.stack([frames.pitch_semitones, frames.confidence])
            assert np.abs(got - expected[:, at : at + step]).max() < 2e-3, (at, step)
            at += step


@pytest.fixture(scope="module")
def phrase(sing: Any) -> np.ndarray:
    return np.asarray(sing(16_000, 1.0))


@pytest.fixture(scope="module")
def eager() -> Session:
    from tests.helpers.sessions import RestatedSession
    from workbench.model.streaming import StreamingPesto
    from workbench.model.upstream import load_upstream

    return RestatedSession(StreamingPesto(load_upstream("mir-1k_g7", ANY), ANY))


@pytest.fixture(scope="module")
def one_by_one(eager: Session, phrase: np.ndarray) -> np.ndarray:
    """(2, frames) pitch and confidence in calls of one frame."""
    frames = run_chunks(eager, phrase, [1])
    return np.stack([frames.pitch_semitones, frames.confidence])


SLOW_STATES = [pytest.param(state, marks=pytest.mark.slow) for state in ("internal", "explicit")]


@pytest.fixture(scope="module", params=["eager", *SLOW_STATES])
def session(request: pytest.FixtureRequest, eager: Session, program_for: Any) -> Session:
    """The eager model, or a program with this state."""
    from workbench.runtime.executorch import PteSession

    return eager if request.param == "eager" else PteSession(program_for(ANY, request.param))


@few(25)
@given(steps=schedules)
def test_any_schedule_keeps_the_state(
    steps: list[int | str], session: Session, phrase: np.ndarray, one_by_one: np.ndarray
) -> None:
    follow(session, phrase, steps, one_by_one)
