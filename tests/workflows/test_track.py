"""The pitch of an audio file: the threshold of the confidence, the formats; and, slow, a real program on a tone."""

import json
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import soundfile

from tests.helpers.models.programs import FASTEST_TO_LOWER
from workbench.audio import read_pitch_track
from workbench.errors import ProgramError, WorkbenchError
from workbench.export.executorch import lower
from workbench.export.metadata import metadata_of, parse_metadata
from workbench.model.streaming import StreamingPesto
from workbench.model.upstream import load_upstream
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.session import Frames
from workbench.workflows import track as tracking
from workbench.workflows.track import Track, as_csv, as_json, check_out, encode, track, write_track

STREAM = StreamConfig(16_000, 320, 1, 1.0)
TONE_HZ = 440.0


def track_of(threshold: float) -> Track:
    pitch, confidence = np.float32([57, 69, 69]), np.float32([0.2, 0.3, 0.9])
    return Track(Path("a.wav"), Path("a.pte"), STREAM, np.arange(3) * 0.02, pitch, confidence, threshold)


def test_columns_name_their_units() -> None:
    assert as_csv(track_of(0.3)).splitlines() == [
        "time_ms,frequency_hz,confidence",
        "0.000,0.000,0.200",
        "20.000,440.000,0.300",
        "40.000,440.000,0.900",
    ]
    columns = {"time_ms": [0, 20, 40], "frequency_hz": [220, 440, 440], "confidence": [0.2, 0.3, 0.9]}
    head = {"audio": "a.wav", "program": "a.pte", "sample_rate_hz": 16_000, "hop_samples": 320}
    assert json.loads(as_json(track_of(0.2))) == {**head, **columns, "confidence_threshold": 0.2}, "voiced at 0.2"
    assert (track_of(0.0).hidden_frames, track_of(0.2).hidden_frames, track_of(0.5).hidden_frames) == (0, 0, 2)


@pytest.mark.filterwarnings("ignore:.*confidence is not used")
def test_a_track_can_be_read_as_an_annotation_and_be_replaced(tmp_path: Path) -> None:
    out, audio = tmp_path / "a.csv", tmp_path / "a.wav"
    assert check_out(out, audio) == audio
    write_track(track_of(0.3), out, None)
    read = read_pitch_track(out)
    assert (read.times_s.tolist(), read.hz.tolist()) == ([0, 0.02, 0.04], [0, 440, 440])
    assert check_out(out, audio) == audio
    assert check_out(tmp_path / "b.csv", audio) is None


def test_frame_that_is_not_finite_has_no_json() -> None:
    broken = replace(track_of(0.3), pitch_semitones=np.float32([np.nan, 69, np.inf]))
    with pytest.raises(ProgramError, match="frame 2, at 40 ms"):  # frame 0 is unvoiced, so it has 0 Hz
        as_json(broken)
    assert as_csv(broken).splitlines()[3] == "40.000,inf,0.900"


def test_png_threshold_is_given_or_of_the_track(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.report.plots.contours.track_png", lambda *arguments: arguments[-1])
    drawn = [encode(track_of(own), ".png", given) for own in (0.0, 0.3) for given in (None, 0.7)]
    assert drawn == [0.0, 0.7, 0.3, 0.7]
    with pytest.raises(WorkbenchError, match="unknown format"):
        encode(track_of(0.3), ".txt")


@pytest.mark.parametrize(
    ("of_program", "given", "result"), [(None, None, 0.12), (0.6, None, 0.6), (0.6, 0.0, 0.0), (None, 0.3, 0.3)]
)
def test_threshold_is_given_or_of_the_program_or_above_silence(
    of_program: float | None,
    given: float | None,
    result: float,
    restated: StreamingPesto,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    metadata = parse_metadata(metadata_of(restated, of_program), Path("a.pte"))
    call = Mock(side_effect=[metadata, [Frames(*np.ones((3, 10), np.float32))]])
    program, audio = tmp_path / "a.pte", tmp_path / "a.wav"
    program.touch()
    soundfile.write(audio, np.zeros(3200), 16_000)
    monkeypatch.setattr(tracking.IsolatedProcess, "call", call)
    assert track(audio, program, given).confidence_threshold == result


# --- a real program


@pytest.fixture(scope="module")
def tone_track(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Track:
    """Half a second of silence, one second of A4 with four harmonics, half a second of silence."""
    path, silence, time_s = tmp_path_factory.mktemp("audio") / "tone.wav", np.zeros(22_050), np.arange(44_100) / 44_100
    tone = 0.2 * sum(np.sin(2 * np.pi * n * TONE_HZ * time_s) / n for n in (1, 2, 3, 4))
    soundfile.write(path, np.concatenate([silence, tone, silence]), 44_100)
    return track(path, program)


@pytest.mark.slow
def test_tone_has_its_frequency_while_it_sounds(tone_track: Track) -> None:
    time_s, confident = tone_track.time_s, tone_track.confidence >= 0.5
    sounding = confident & (time_s > 0.6) & (time_s < 1.4)
    assert sounding.sum() >= 30
    assert 1200 * np.abs(np.log2(tone_track.frequency_hz[sounding] / TONE_HZ)).max() <= 5
    assert (time_s[confident].min(), time_s[confident].max()) == pytest.approx((0.5, 1.5), abs=0.06)
    assert 0 <= time_s[0] < 0.02 and 1.98 < time_s[-1] <= 2.0, "frames cover the file"
    np.testing.assert_allclose(np.diff(time_s), 0.02, rtol=1e-9)


@pytest.mark.slow
def test_silence_has_no_pitch_unless_the_threshold_is_zero(tone_track: Track) -> None:
    silent = (tone_track.time_s < 0.4) | (tone_track.time_s > 1.6)
    sounding = (tone_track.time_s > 0.6) & (tone_track.time_s < 1.4)
    assert (tone_track.frequency_hz[silent] == 0).all() and (tone_track.frequency_hz[sounding] > 0).all()
    assert (replace(tone_track, confidence_threshold=0.0).frequency_hz > 0).all()


@pytest.mark.slow
def test_file_shorter_than_a_chunk_has_every_format(tmp_path: Path, program: Path) -> None:
    soundfile.write(tmp_path / "click.wav", np.array([0.5]), 16_000)
    found = track(tmp_path / "click.wav", program)
    assert all(encode(found, suffix) for suffix in tracking.FORMATS)


@pytest.mark.slow
def test_lowered_threshold_filters_and_changes_no_estimate(tone_track: Track, tmp_path: Path) -> None:
    model, program = StreamingPesto(load_upstream("mir-1k_g7", STREAM), STREAM, FASTEST_TO_LOWER), tmp_path / "a.pte"
    program.write_bytes(lower(model, "xnnpack", confidence_threshold=0.6).content)
    filtered, unfiltered = track(tone_track.audio, program), track(tone_track.audio, program, 0)
    assert (filtered.confidence_threshold, tone_track.confidence_threshold) == (0.6, 0.12)
    unvoiced = filtered.confidence < np.float32(0.6)
    assert 0 < unvoiced.sum() < len(unvoiced)
    np.testing.assert_array_equal(filtered.frequency_hz, np.where(unvoiced, 0, unfiltered.frequency_hz))
    np.testing.assert_allclose(filtered.confidence, tone_track.confidence, atol=1e-4)
