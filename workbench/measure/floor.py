"""The floor of the comparison: how far the baseline moves from itself when the input moves by less than 16 bits tell.

A deviation below it means nothing: another sound card would have made as large a difference.
"""

from collections.abc import Sequence

import numpy as np

from workbench.measure.deviation import (
    ConfidenceDeviation,
    PairedFrames,
    PitchDeviation,
    confidence_deviation,
    pitch_deviation,
)
from workbench.record_model import RecordModel
from workbench.runtime.session import Floats, concat_frames

_LEAST_BIT = 2.0**-15  # of 16-bit audio, full scale 1.0
_SEED = 16


class Floor(RecordModel):
    """The baseline on dithered audio against the baseline, over the same voiced frames as the deviation."""

    pitch: PitchDeviation
    confidence: ConfidenceDeviation
    dither: str = "triangular, 2 least bits of 16 wide"


def add_dither(samples: Floats) -> Floats:
    """The clip with 16-bit dither (triangular, the sum of two uniform half bits) from a fixed seed; (n,) float32."""
    generator = np.random.default_rng(_SEED)
    noise = generator.uniform(-0.5, 0.5, (2, len(samples))).sum(0) * _LEAST_BIT
    return np.asarray(samples + noise, np.float32)


def floor(rolls: Sequence[PairedFrames]) -> Floor:
    """`rolls` with the dithered baseline as variant."""
    baseline, moved = concat_frames([roll.baseline for roll in rolls]), concat_frames([roll.variant for roll in rolls])
    voiced = np.concatenate([roll.voiced for roll in rolls])
    return Floor(pitch=pitch_deviation(baseline, moved, voiced), confidence=confidence_deviation(baseline, moved))
