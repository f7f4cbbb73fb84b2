"""Frames from a few values, and comparisons of frames."""

import numpy as np
from numpy.testing import assert_array_equal

from workbench.measure.paired_frames import PairedFrames
from workbench.runtime.session import Frames


def arrays_of(frames: Frames) -> list[np.ndarray]:
    """The arrays of frames, without the margin if there is none."""
    arrays = [frames.pitch_semitones, frames.confidence, frames.volume]
    return arrays if frames.margin is None else [*arrays, frames.margin]


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


def frames_of(pitch: object, confidence: object = 0.75, volume: object = 1.0, margin: object = None) -> Frames:
    """Frames of these values in float32; a scalar beside the pitch stands for every frame."""
    shape = np.shape(pitch)

    def filled(values: object) -> np.ndarray:
        return np.broadcast_to(np.asarray(values, np.float32), shape).copy()

    return Frames(filled(pitch), filled(confidence), filled(volume), None if margin is None else filled(margin))


def paired(
    baseline: Frames, variant: Frames, voiced: object = True, name: str = "sung/a", voiced_by: str = "known f0"
) -> PairedFrames:
    """Both sides of a clip; `voiced` marks each frame, or all of them."""
    return PairedFrames(name, baseline, variant, np.broadcast_to(voiced, (len(baseline),)).astype(bool), voiced_by)
