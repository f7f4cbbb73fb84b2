"""Frames on which trackers agree, disagree, or find no pitch."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from workbench.audio import PitchTrack
from workbench.audio.decode import Clip
from workbench.workflows.annotate.consensus import consensus
from workbench.workflows.annotate.trackers import open_trackers


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


@pytest.mark.slow
def test_the_trackers_agree_on_a_rendered_tone() -> None:
    for module in ("swift_f0", "parselmouth", "librosa", "torchcrepe"):
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    times_s = np.arange(32_000) / 16_000
    hz = 220 * 2 ** (times_s / 4 + 0.01 * np.sin(2 * np.pi * 5 * times_s))
    hz[(times_s < 0.4) | (times_s > 1.6)] = 0
    tone = 0.2 * (hz > 0) * sum(np.sin(2 * np.pi * k * np.cumsum(hz) / 16_000) / k for k in range(1, 9))
    samples = tone + 1e-4 * np.random.default_rng(0).standard_normal(len(tone))
    clip = Clip("tone", Path("tone.wav"), "", 16_000, samples, 16_000, 1, None)
    frames_s = np.arange(0, 2, 0.01)
    found = consensus(frames_s, [tracker.track(clip) for tracker in open_trackers(lambda: None)]).hz
    truth = PitchTrack(times_s, hz).at(frames_s)
    known = ~np.isnan(found)
    assert known.mean() > 0.95 and ((found > 0) == (truth > 0))[known].mean() > 0.97
    both = (found > 0) & (truth > 0)
    assert np.median(np.abs(1200 * np.log2(found[both] / truth[both]))) < 5
