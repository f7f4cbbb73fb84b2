"""Frames on which trackers agree, disagree, or find no pitch."""

import numpy as np
import pytest

from workbench.audio import PitchTrack
from workbench.workflows.annotate.consensus import consensus


def cents_above_220(cents: float | None) -> float:
    return 0.0 if cents is None else 220 * 2 ** (cents / 1200)


@pytest.mark.parametrize(
    ("found", "agreed"),
    [
        ((0, 10, 20, 40), 15),  # the median of all four
        ((40, 0, 20, 10), 15),
        ((0, 10, 20, 60), 10),
        ((0, 25, 50, 1200), 25),
        ((0, 30, 60, 90), np.nan),
        ((0, 30, 50, 75), 50),  # the closer three of two groups
        ((-1200, 30, 30, 31), 30),
        ((0, 10, None, 20), 10),
        ((0, 10, 1200, None), np.nan),
        ((0, 0, None, None), np.nan),
        ((0, None, None, None), None),
        ((None, None, None, None), None),
    ],
)
def test_a_frame_is_known_if_three_trackers_agree(found: tuple[float | None, ...], agreed: float | None) -> None:
    times_s = np.array([0.0, 0.01])
    tracks = [PitchTrack(times_s, np.full(2, cents_above_220(each))) for each in found]
    track = consensus(np.array([0.005]), tracks)
    assert track.kind == "consensus"
    np.testing.assert_allclose(track.hz, cents_above_220(agreed), rtol=1e-9)
