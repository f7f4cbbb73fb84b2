"""The floor of the deviation: how far the baseline moves from itself if 16-bit dither is added to the input.

A deviation below it means nothing: another sound card makes as large a difference.
"""

from collections.abc import Sequence

import numpy as np

from workbench.measure.deviation import ConfidenceDeviation, PitchDeviation, confidence_deviation, pitch_deviation
from workbench.measure.paired_frames import PairedFrames, pool
from workbench.record_model import RecordModel
from workbench.runtime.session import Floats

_LSB = 2.0**-15  # least significant bit of 16-bit audio, full scale 1.0
_SEED = 16


class Floor(RecordModel):
    """The deviation of the baseline on dithered audio from the baseline, over the same frames as the variant's.

    Attributes:
        pitch: The deviation of the pitch.
        confidence: The deviation of the confidence.
        dither: The noise that was added to the input.
    """

    pitch: PitchDeviation
    confidence: ConfidenceDeviation
    dither: str = "triangular, 2 least bits of 16 wide"


def add_dither(samples: Floats) -> Floats:
    """Adds 16-bit dither from a fixed seed: triangular, the sum of two uniform half bits.

    Args:
        samples: (n,) float32, full scale 1.0.

    Returns:
        (n,) float32.
    """
    generator = np.random.default_rng(_SEED)
    noise = generator.uniform(-0.5, 0.5, (2, len(samples))).sum(0) * _LSB
    return np.asarray(samples + noise, np.float32)


def floor(clips: Sequence[PairedFrames]) -> Floor:
    """Returns the floor over all clips, whose variant is the baseline on dithered audio."""
    pooled = pool(clips)
    return Floor(
        pitch=pitch_deviation(pooled.baseline, pooled.variant, pooled.voiced),
        confidence=confidence_deviation(pooled.baseline, pooled.variant),
    )
