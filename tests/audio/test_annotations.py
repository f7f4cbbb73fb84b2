"""Annotations of f0: which files are read, and f0 between the annotated times."""

import re
from pathlib import Path

import numpy as np
import pytest

from workbench.audio import PitchTrack, read_pitch_track
from workbench.errors import AudioError


@pytest.mark.parametrize("content", ["0,220\n0.01,221", "\ufeffseconds, hertz\r\n\r\n0.0, 220\r\n0.01, 221\r\n"])
def test_annotation_is_read_with_and_without_header(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(content, encoding="utf-8")
    track = read_pitch_track(path)
    assert (track.times_s.tolist(), track.hz.tolist()) == ([0.0, 0.01], [220.0, 221.0])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"time,hz\n", ": has no rows of seconds,hertz"),
        (b"time,hz\ntime,hz\n", ":2: 'time' is not a number"),
        (b"1_0,2_2_0\n", ":1: '1_0' is not a number"),
        (b"time,hz\n\n0,220,0.9\n", ":3: expected 2 columns, got 3"),
        (b"0,220\n0.02,nan\n", ":2: 0.02,nan is not finite"),
        (b"0,220\n0.02,-1\n", ":2: -1 Hz is negative"),
        (b"0,220\n0.02,0\n0.02,0\n", ":3: 0.02 s is not after 0.02 s"),
        (b"\xff\xfe0\x00", ": is not a text file of seconds,hertz rows"),
    ],
)
def test_bad_annotation_names_the_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(AudioError, match=re.escape(f"{path}{message}")):
        read_pitch_track(path)


def test_f0_between_annotated_times() -> None:
    track = PitchTrack(np.array([0.0, 0.01, 0.02, 0.03, 0.2]), np.array([100.0, 400.0, 0.0, 300.0, 300.0]))
    hz = track.at([-0.01, 0.0, 0.005, 0.01, 0.01 + 1e-12, 0.015, 0.02, 0.025, 0.03, 0.1, 0.2 - 1e-12, 0.2, 0.21])
    # 200 Hz is halfway between 100 and 400: an octave from each. A gap of 170 ms is not bridged.
    np.testing.assert_allclose(hz, [0, 100, 200, 400, 400, 0, 0, 0, 300, 0, 300, 300, 0], rtol=1e-12)
    assert PitchTrack(np.array([0.5]), np.array([220.0])).at([0.0, 0.5, 1.0]).tolist() == [0.0, 220.0, 0.0]


def test_sha256_of_a_track_depends_on_both_columns() -> None:
    times_s, hz = np.array([0.0, 0.01]), np.array([0.0, 440.5])
    tracks = (PitchTrack(times_s, hz), PitchTrack(times_s, hz + 1), PitchTrack(hz, times_s))
    assert len({track.sha256 for track in tracks}) == 3


@pytest.mark.parametrize(
    ("times_s", "hz", "message"),
    [
        ([], [], "at least one"),
        ([0.0], [1.0, 2.0], "one frequency for each time"),
        ([0.0], [np.nan], "not finite"),
        ([0.0, 0.0], [1, 1], "increasing times"),
        ([0.0], [-1.0], "frequencies of at least 0"),
    ],
)
def test_pitch_track_validates_its_columns(times_s: list[float], hz: list[float], message: str) -> None:
    with pytest.raises(AudioError, match=message):
        PitchTrack(np.array(times_s), np.array(hz))
