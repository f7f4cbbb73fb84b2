"""Comparisons of frames."""

import numpy as np
from numpy.testing import assert_array_equal

from workbench.runtime.session import Frames


def arrays_of(frames: Frames) -> list[np.ndarray]:
    """The arrays of frames, without the margin if there is none."""
    arrays = [frames.pitch_semitones, frames.confidence, frames.volume]
    return arrays if frames.margin is None else [*arrays, frames.margin]


def copy_of(frames: Frames) -> Frames:
    return Frames(*(array.copy() for array in arrays_of(frames)))


def assert_same(actual: Frames, expected: Frames) -> None:
    """Equal to the last bit; margins if both have them."""
    for one, other in zip(arrays_of(actual), arrays_of(expected), strict=False):
        assert_array_equal(one, other)


def assert_near(actual: Frames, expected: Frames, semitones: float = 1e-3) -> None:
    """Equal to float rounding; the pitch in the frames that the expected side finds voiced, at least 20 of them."""
    voiced = expected.confidence >= 0.5
    assert voiced.sum() >= 20
    assert actual.pitch_semitones.shape == expected.pitch_semitones.shape
    assert np.abs(actual.pitch_semitones - expected.pitch_semitones)[voiced].max() <= semitones
    assert np.abs(actual.confidence - expected.confidence).max() <= 1e-4
    assert np.abs(actual.volume / expected.volume - 1).max() <= 1e-5
