"""Accuracy by octave, clip and singer: right frames are put in by hand; intervals against a known coverage."""

from dataclasses import replace

import numpy as np
import pytest

from tests.helpers.frames import frames_of
from tests.measure.test_truth import STREAM, held
from workbench.measure.alignment import Alignment
from workbench.measure.truth import Truth, truth
from workbench.measure.truth.bootstrap import resampled_units, share_intervals
from workbench.measure.truth.groups import octave_of
from workbench.runtime.session import Frames

A3, A4, B3, C4 = 220.0, 440.0, 246.94, 261.63


def estimate(hz: np.ndarray, wrong: np.ndarray) -> Frames:
    """Frames of the pitches, of which the wrong ones are a semitone off."""
    return frames_of(69 + 12 * np.log2(np.where(hz > 0, hz, 100) / 440) + wrong, np.where(hz > 0, 0.9, 0.1))


def scored(*clips: tuple[str, str, np.ndarray, np.ndarray]) -> Truth:
    """The truth of clips of a name, a singer, a known f0 and wrong frames of the variant; the baseline is right."""
    made = [replace(held(hz, name), singer=singer) for name, singer, hz, _ in clips]
    baseline = [estimate(hz, np.zeros(len(hz))) for _, _, hz, _ in clips]
    variant = [estimate(hz, wrong) for _, _, hz, wrong in clips]
    return truth(made, baseline, variant, STREAM, 0.5, Alignment(0.0, 0.5))


@pytest.mark.parametrize(
    ("hz", "octave"),
    [(C4, 4), (B3, 3), (C4 * 2 ** (-49 / 1200), 4), (C4 * 2 ** (-51 / 1200), 3), (16.35, 0), (8.2, -1)],
)
def test_an_octave_goes_from_c_to_b_by_the_nearest_note(hz: float, octave: int) -> None:
    assert octave_of(np.array([hz])).tolist() == [octave]


def test_groups_count_their_own_frames() -> None:
    low, high, silent = np.full(600, A3), np.full(400, A4), np.zeros(200)
    wrong = (np.arange(1200) % 4 == 0) & (np.arange(1200) < 600)  # a quarter of the low frames
    found = scored(("a", "ann", np.concatenate([low, high, silent]), wrong), ("b", "bob", high, np.arange(400) < 100))
    figures = {(each.by, each.group): each for each in found.groups}
    shares = {key: (each.frames, each.voiced_frames, each.variant.rpa50) for key, each in figures.items()}
    assert shares == {
        ("all", "all clips"): (1600, 1400, pytest.approx(1150 / 1400)),
        ("octave", "C3-B3"): (600, 600, 0.75),
        ("octave", "C4-B4"): (800, 800, 0.875),
        ("clip", "a"): (1200, 1000, 0.85),
        ("clip", "b"): (400, 400, 0.75),
        ("singer", "ann"): (1200, 1000, 0.85),
        ("singer", "bob"): (400, 400, 0.75),
    }
    octave = figures["octave", "C3-B3"]
    assert (octave.resampled, octave.units) == ("seconds", 6)
    assert octave.variant_interval == pytest.approx((0.75, 0.75), abs=0.01)  # every second has the same share
    assert octave.change_interval == pytest.approx((-0.25, -0.25), abs=0.01)
    assert figures["clip", "b"].null_reasons["variant_interval"] == "fewer than 5 seconds have voiced frames"
    assert found.variant.rpa50 == figures["all", "all clips"].variant.rpa50


def test_ten_clips_are_resampled_as_clips() -> None:
    hz = np.full(150, A3)
    found = scored(*((f"{index}", "", hz, np.full(150, index < 5)) for index in range(10)))
    whole = found.groups[0]
    assert (whole.resampled, whole.units, whole.variant.rpa50) == ("clips", 10, 0.5)
    low, high = whole.variant_interval
    assert low == pytest.approx(0.2, abs=0.05) and high == pytest.approx(0.8, abs=0.05)  # binomial of 10 clips
    assert [each.by for each in found.groups] == ["all", "octave", *["clip"] * 10]


def test_an_interval_covers_the_share_it_was_drawn_from() -> None:
    """Seconds whose frames are all right or all wrong: 95 % of intervals contain the share; of frames, far fewer do."""
    generator, contained = np.random.default_rng(0), {"seconds": 0, "frames": 0}
    time_s = np.arange(1, 801) / 20
    for _ in range(50):
        right = np.repeat(generator.random(40) < 0.7, 20)[None]
        named = {"seconds": resampled_units(np.zeros(800, int), time_s)[1], "frames": np.arange(800)}
        for name, units in named.items():
            ((low, high),) = share_intervals(units, right)
            contained[name] += low <= 0.7 <= high
    assert 43 <= contained["seconds"] <= 50
    assert contained["frames"] < 30
