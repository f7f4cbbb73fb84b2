"""The range of the pitch of both sides, which shows whether the variant follows the voice at all.

A program whose input is too short returns nearly the same pitch whatever is sung. Its deviation is large, but a large
deviation can have other causes.
"""

from collections.abc import Sequence

import numpy as np

from workbench.measure.paired_frames import Mask, PairedFrames, pool
from workbench.record_model import RecordModel
from workbench.runtime.session import Frames

FLAT_SHARE = 0.25  # of the baseline's range: a pitch that moves less does not follow the voice
MIN_BASELINE_SEMITONES = 2.0  # the baseline's range from which the variant can be called flat


class PitchRange(RecordModel):
    """The pitch of one side over the voiced frames of all clips, in MIDI semitones.

    Attributes:
        low_semitones: The 5th percentile.
        middle_semitones: The median.
        high_semitones: The 95th percentile.
        confidence: The median confidence. Null if the side returns none, or if one is not finite.
    """

    low_semitones: float
    middle_semitones: float
    high_semitones: float
    confidence: float | None

    @property
    def semitones(self) -> float:
        """The width of the range."""
        return self.high_semitones - self.low_semitones

    @property
    def text(self) -> str:
        """The range and the confidence in words."""
        confidence = "" if self.confidence is None else f", with a median confidence of {self.confidence:.2f}"
        return f"{self.low_semitones:.1f} to {self.high_semitones:.1f} semitones{confidence}"


class Contour(RecordModel):
    """The range of both sides; null if there is no voiced frame, or if the pitch of one is not finite.

    Attributes:
        baseline: The range of the baseline.
        variant: The range of the variant.
    """

    baseline: PitchRange | None
    variant: PitchRange | None

    @property
    def flat_reason(self) -> str:
        """Why the variant does not follow the voice; "" if it does, or if the voice hardly moves."""
        if self.baseline is None or self.variant is None or self.baseline.semitones < MIN_BASELINE_SEMITONES:
            return ""
        if self.variant.semitones >= FLAT_SHARE * self.baseline.semitones:
            return ""
        return f"the pitch is flat: {self.variant.text} over voiced frames, but {self.baseline.text} in the baseline"


def no_contour(reason: str) -> Contour:
    """Returns a contour without ranges; `reason` says why."""
    return Contour(baseline=None, variant=None, null_reasons={"baseline": reason, "variant": reason})


def contour(clips: Sequence[PairedFrames]) -> Contour:
    """Returns the pitch ranges over all clips."""
    pooled = pool(clips)
    nulls = {
        "baseline": _no_range_reason(pooled.baseline, pooled.voiced),
        "variant": _no_range_reason(pooled.variant, pooled.voiced),
    }
    return Contour(
        baseline=None if nulls["baseline"] else _range(pooled.baseline, pooled.voiced),
        variant=None if nulls["variant"] else _range(pooled.variant, pooled.voiced),
        null_reasons={side: reason for side, reason in nulls.items() if reason},
    )


def _no_range_reason(frames: Frames, voiced: Mask) -> str:
    """Returns why the voiced frames of a side have no range, "" if they have one."""
    if not voiced.any():
        return "no voiced frame"
    return "" if np.isfinite(frames.pitch_semitones[voiced]).all() else "a pitch is not finite"


def _range(frames: Frames, voiced: Mask) -> PitchRange:
    low, middle, high = np.percentile(frames.pitch_semitones[voiced].astype(np.float64), (5, 50, 95))
    confidence = float(np.median(frames.confidence[voiced].astype(np.float64)))
    finite = bool(np.isfinite(confidence))
    return PitchRange(
        low_semitones=low,
        middle_semitones=middle,
        high_semitones=high,
        confidence=confidence if finite else None,
        null_reasons={} if finite else {"confidence": "no confidence is returned, or one is not finite"},
    )
