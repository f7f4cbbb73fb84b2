"""The pitch ranges of both sides, and when the variant is called flat."""

import dataclasses

import numpy as np
import pytest

from tests.helpers.frames import frames_of, paired
from workbench.measure.contour import FLAT_SHARE, Contour, contour
from workbench.runtime.session import Frames

SCALE = np.linspace(50, 70, 101)  # 5th to 95th percentile: 51 to 69


def contour_of(baseline: np.ndarray, variant: Frames, voiced: object = True) -> Contour:
    return contour([paired(frames_of(baseline, 0.9), variant, voiced)])


def test_the_range_is_that_of_voiced_frames() -> None:
    voiced = np.arange(202) < 101
    pitch = np.where(voiced, np.tile(SCALE, 2), 0)
    found = contour_of(pitch, frames_of(pitch, 0.25), voiced)
    assert (found.baseline.low_semitones, found.baseline.middle_semitones) == (51, 60)
    assert (found.baseline.high_semitones, found.baseline.semitones) == (69, 18)
    assert (found.baseline.confidence, found.variant.confidence) == pytest.approx((0.9, 0.25))


@pytest.mark.parametrize(
    ("baseline_share", "variant_share", "flat_reason"),
    [
        (1, 0.9 * FLAT_SHARE, "the pitch is flat: "),
        (1, 0, "60.0 to 60.0 semitones, with a median confidence of 0.75 over voiced frames, but 51.0 to 69.0 "),
        (1, 1.1 * FLAT_SHARE, ""),
        (0, 0, ""),
    ],
    ids=["below the limit", "one pitch", "above the limit", "the voice holds its note"],
)
def test_a_pitch_that_does_not_move_is_flat(baseline_share: float, variant_share: float, flat_reason: str) -> None:
    baseline, variant = (60 + share * (SCALE - 60) for share in (baseline_share, variant_share))
    found = contour_of(baseline, frames_of(variant)).flat_reason
    assert flat_reason in found and bool(found) == bool(flat_reason)


def test_without_numbers_there_is_no_contour() -> None:
    unvoiced = contour_of(SCALE, frames_of(SCALE), voiced=False)
    assert unvoiced.null_reasons == dict.fromkeys(("baseline", "variant"), "no voiced frame")
    assert unvoiced.flat_reason == ""
    assert contour_of(SCALE, frames_of(SCALE * np.nan)).null_reasons == {"variant": "a pitch is not finite"}
    without_confidence = dataclasses.replace(frames_of(SCALE, np.nan), absent=("confidence",))
    found = contour_of(SCALE, without_confidence).variant
    assert found.null_reasons == {"confidence": "no confidence is returned, or one is not finite"}
