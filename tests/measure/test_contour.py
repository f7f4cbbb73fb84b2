"""The pitch ranges of both sides, and when the variant is called flat."""

import numpy as np
import pytest

from workbench.measure.contour import FLAT_SHARE, contour
from workbench.measure.deviation import PairedFrames
from workbench.runtime.session import Frames


def frames(pitch: np.ndarray, confidence: float = 0.9) -> Frames:
    pitch = np.asarray(pitch, np.float32)
    return Frames(pitch, np.full_like(pitch, confidence), np.ones_like(pitch))


def pairs(baseline: np.ndarray, variant: Frames, voiced: np.ndarray | None = None) -> list[PairedFrames]:
    marked = np.ones(len(baseline), np.bool_) if voiced is None else voiced
    return [PairedFrames("a", frames(baseline), variant, marked, "known f0")]


SCALE = np.linspace(50, 70, 101)  # 5th to 95th percentile: 51 to 69


def test_the_reach_is_that_of_voiced_frames() -> None:
    far = np.where(np.arange(202) < 101, np.tile(SCALE, 2), 0)
    found = contour(pairs(far, frames(far, 0.25), np.arange(202) < 101))
    assert found.baseline is not None and found.baseline.confidence == pytest.approx(0.9)
    assert (found.baseline.low_semitones, found.baseline.middle_semitones) == (51, 60)
    assert (found.baseline.high_semitones, found.baseline.semitones) == (69, 18)
    assert found.variant is not None and found.variant.confidence == 0.25
    assert found.flat_reason == ""


def test_a_pitch_that_does_not_move_is_flat() -> None:
    flat = contour(pairs(SCALE, frames(50 + 0.001 * SCALE, 0.1)))
    assert flat.flat_reason == (
        "the pitch is flat: 50.1 to 50.1 semitones, with a median confidence of 0.10 over voiced frames, but "
        "51.0 to 69.0 semitones, with a median confidence of 0.90 in the baseline"
    )


@pytest.mark.parametrize(("share", "flat"), [(0.9 * FLAT_SHARE, True), (1.1 * FLAT_SHARE, False)])
def test_where_flat_begins(share: float, flat: bool) -> None:
    assert bool(contour(pairs(SCALE, frames(60 + share * (SCALE - 60)))).flat_reason) == flat


def test_nothing_is_flat_if_the_voice_holds_its_note() -> None:
    held = np.full(101, 60.0)
    assert contour(pairs(held, frames(held))).flat_reason == ""


def test_without_numbers_there_is_no_contour() -> None:
    nothing = contour(pairs(SCALE, frames(SCALE), np.zeros(101, np.bool_)))
    assert (nothing.baseline, nothing.variant, nothing.flat_reason) == (None, None, "")
    assert nothing.null_reasons == {"baseline": "no voiced frame", "variant": "no voiced frame"}
    broken = contour(pairs(SCALE, frames(SCALE * np.nan)))
    assert broken.null_reasons == {"variant": "a pitch is not finite"}
    silent = Frames(*(np.float32(SCALE), np.float32(SCALE * np.nan), np.float32(SCALE)), absent=("confidence",))
    found = contour(pairs(SCALE, silent)).variant
    assert found is not None and found.null_reasons == {"confidence": "none is returned, or one is not finite"}
