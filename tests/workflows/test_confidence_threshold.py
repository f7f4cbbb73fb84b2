"""`postprocess`: what a recipe may ask for, its metadata entry, and what `track` makes of it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from workbench.audio.corpus import Corpus
from workbench.errors import ProgramError, RecipeError
from workbench.export.metadata import build_metadata
from workbench.recipe import Recipe
from workbench.recipe.options import OUTPUTS
from workbench.recipe.stream_config import StreamConfig
from workbench.workflows.load_recipes import load_variants
from workbench.workflows.track import Track, as_csv, as_json

KEYS = {"description": "A test", "sample_rate_hz": 16_000, "chunk_samples": 320, "mirror": 1}
STREAM = StreamConfig(16_000, 320, 1, 1.0)


def recipe(folder: Path, **keys: object) -> Recipe:
    path = folder / "test.yaml"
    path.write_text(json.dumps({**KEYS, **keys}))
    (found,) = load_variants([path], Corpus(Path(__file__).parent.parent.parent / "calib_audio"))
    return found


def tracked(threshold: float | None) -> Track:
    pitch, confidence = np.float32([57, 69, 69]), np.float32([0.2, 0.3, 0.9])
    return Track(Path("a.wav"), Path("a.pte"), STREAM, np.arange(3) * 0.02, pitch, confidence, threshold)


def test_by_default_nothing_is_filtered(tmp_path: Path) -> None:
    assert recipe(tmp_path).postprocess.confidence_threshold is None
    assert recipe(tmp_path, postprocess={"confidence_threshold": 0.3}).postprocess.confidence_threshold == 0.3


def test_what_cannot_be_filtered_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        recipe(tmp_path, outputs=["pitch"], postprocess={"confidence_threshold": 0.3})
    assert caught.value.problems == (
        f"{tmp_path / 'test.yaml'}: postprocess: confidence_threshold requires confidence among the outputs, got pitch",
    )


def test_a_program_tells_a_threshold_only_where_the_recipe_has_one() -> None:
    stated = (STREAM, 25.0, "alwa", "internal", 100, OUTPUTS)
    assert "confidence_threshold" not in build_metadata(*stated)
    assert build_metadata(*stated, confidence_threshold=0.3)["confidence_threshold"] == 0.3


def test_below_the_threshold_a_track_is_unvoiced() -> None:
    np.testing.assert_allclose(tracked(None).frequency_hz, [220, 440, 440])
    np.testing.assert_allclose(tracked(0.3).frequency_hz, [0, 440, 440])  # reaching it is enough
    assert as_csv(tracked(0.3)).splitlines()[1:3] == ["0.000,0.000,0.200", "20.000,440.000,0.300"]
    assert json.loads(as_json(tracked(0.3)))["confidence_threshold"] == 0.3
    assert "confidence_threshold" not in json.loads(as_json(tracked(None)))


def test_a_frame_that_is_not_finite_is_no_json() -> None:
    broken = replace(tracked(0.3), pitch_semitones=np.float32([np.nan, 69, np.inf]))
    with pytest.raises(ProgramError) as caught:
        as_json(broken)  # the first is unvoiced, and so 0 Hz
    assert str(caught.value) == (
        "a.pte: frame 2, at 40 ms of a.wav, is not finite, which JSON cannot hold; write a .csv"
    )
    assert as_csv(broken).splitlines()[3] == "40.000,inf,0.900"


def test_a_picture_draws_from_the_threshold_that_is_named_else_from_the_tracks_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from workbench.workflows import track

    monkeypatch.setattr("workbench.report.plots.contours.track_png", lambda *given: given[-1])
    drawn = [track.encode(tracked(own), ".png", named) for own in (None, 0.3) for named in (None, 0.7)]
    assert drawn == [0.5, 0.7, 0.3, 0.7]


@pytest.mark.slow
def test_a_program_carries_its_threshold_to_track(restated, program: Path, tmp_path: Path) -> None:
    import soundfile

    from workbench.export.executorch import lower
    from workbench.runtime.isolation import IsolatedProcess
    from workbench.runtime.open_program import describe_program
    from workbench.workflows.track import track

    filtering, audio = tmp_path / "filtering.pte", tmp_path / "tone.wav"
    filtering.write_bytes(lower(restated, "xnnpack", confidence_threshold=0.6).content)
    time_s = np.arange(16_000) / 16_000
    soundfile.write(audio, 0.2 * np.sin(2 * np.pi * 440 * time_s) * (time_s > 0.5), 16_000)
    with IsolatedProcess() as child:
        assert child.call(describe_program, program).confidence_threshold is None
        assert child.call(describe_program, filtering).confidence_threshold == 0.6
    plain, filtered, overridden = track(audio, program), track(audio, filtering), track(audio, filtering, 0)
    np.testing.assert_array_equal(filtered.confidence, plain.confidence)
    np.testing.assert_array_equal(filtered.pitch_semitones, plain.pitch_semitones)
    unvoiced = plain.confidence < np.float32(0.6)
    assert 0 < unvoiced.sum() < len(unvoiced)
    np.testing.assert_array_equal(filtered.frequency_hz, np.where(unvoiced, 0, plain.frequency_hz))
    np.testing.assert_array_equal(overridden.frequency_hz, plain.frequency_hz)
