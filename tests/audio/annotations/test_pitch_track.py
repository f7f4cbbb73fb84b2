"""f0 between the annotated times."""

import numpy as np
import pytest

from workbench.audio import PitchTrack
from workbench.errors import AudioError


def test_f0_between_annotated_times() -> None:
    track = PitchTrack(np.array([0.0, 0.01, 0.02, 0.03, 0.2]), np.array([100.0, 400.0, 0.0, 300.0, 300.0]))
    hz = track.at([-0.01, 0.0, 0.005, 0.01, 0.01 + 1e-12, 0.015, 0.02, 0.025, 0.03, 0.1, 0.2 - 1e-12, 0.2, 0.21])
    # 200 Hz is halfway between 100 and 400: an octave from each. A gap of 170 ms is not bridged.
    np.testing.assert_allclose(hz, [0, 100, 200, 400, 400, 0, 0, 0, 300, 0, 300, 300, 0], rtol=1e-12)
    # a frame between two rows is unknown if one of them is
    track = PitchTrack(np.array([0.0, 0.01, 0.02, 0.1]), np.array([100.0, np.nan, 0.0, np.nan]))
    hz = track.at([-0.01, 0.0, 0.005, 0.01, 0.015, 0.02, 0.05, 0.1, 0.11])
    np.testing.assert_array_equal(hz, [0, 100, np.nan, np.nan, np.nan, 0, np.nan, np.nan, 0])
    assert PitchTrack(np.array([0.5]), np.array([220.0])).at([0.0, 0.5, 1.0]).tolist() == [0.0, 220.0, 0.0]


def test_sha256_of_a_track_depends_on_both_columns_and_on_its_kind() -> None:
    times_s, hz = np.array([0.0, 0.01]), np.array([0.0, 440.5])
    tracks = (PitchTrack(times_s, hz), PitchTrack(times_s, hz + 1), PitchTrack(hz, times_s))
    agreed = PitchTrack(times_s, hz, "consensus")
    assert len({track.sha256 for track in (*tracks, agreed)}) == 4


@pytest.mark.parametrize(
    ("times_s", "hz", "message"),
    [
        ([], [], "at least one"),
        ([0.0], [1.0, 2.0], "one frequency for each time"),
        ([0.0], [np.inf], "not finite"),
        ([0.0, 0.0], [1, 1], "increasing times"),
        ([0.0], [-1.0], "frequencies of at least 0"),
    ],
)
def test_pitch_track_validates_its_columns(times_s: list[float], hz: list[float], message: str) -> None:
    with pytest.raises(AudioError, match=message):
        PitchTrack(np.array(times_s), np.array(hz))
