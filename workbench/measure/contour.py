"""Whether the pitch of a variant moves at all: how far its contour reaches, beside upstream's.

A program that hears too little answers nearly the same whatever is sung, and a deviation alone does not tell that from
other mistakes.
"""

from collections.abc import Sequence

import numpy as np

from workbench.measure.deviation import Mask, PairedFrames
from workbench.record_model import RecordModel
from workbench.runtime.session import Frames, concat_frames

FLAT_SHARE = 0.25  # of what upstream's contour reaches: a pitch that moves less does not follow the voice
LEAST_SEMITONES = 2.0  # that upstream's has to reach, before any other is called flat


class PitchRange(RecordModel):
    """Of one side, over the voiced frames of all clips: 5th, 50th and 95th percentile of the pitch, in MIDI semitones,
    and the median confidence."""

    low_semitones: float
    middle_semitones: float
    high_semitones: float
    confidence: float | None

    @property
    def semitones(self) -> float:
        return self.high_semitones - self.low_semitones


class Contour(RecordModel):
    """Both sides; null where there is no voiced frame, or a pitch that is no number."""

    baseline: PitchRange | None
    variant: PitchRange | None

    @property
    def flat_reason(self) -> str:
        """Why the variant does not follow the voice; nothing where it does, or where the voice hardly moves."""
        one, other = self.baseline, self.variant
        if one is None or other is None or one.semitones < LEAST_SEMITONES:
            return ""
        if other.semitones >= FLAT_SHARE * one.semitones:
            return ""
        return f"the pitch is flat: {_words(other)} over voiced frames, where upstream's is {_words(one)}"


def _words(reach: PitchRange) -> str:
    confidence = "" if reach.confidence is None else f", with a median confidence of {reach.confidence:.2f}"
    return f"{reach.low_semitones:.1f} to {reach.high_semitones:.1f} semitones{confidence}"


def no_contour(why: str) -> Contour:
    """Neither side, for that reason."""
    return Contour(baseline=None, variant=None, null_reasons={"baseline": why, "variant": why})


def contour(rolls: Sequence[PairedFrames]) -> Contour:
    """Of all clips together."""
    voiced = np.concatenate([roll.voiced for roll in rolls])
    baseline, no_baseline = _reach(concat_frames([roll.baseline for roll in rolls]), voiced)
    variant, no_variant = _reach(concat_frames([roll.variant for roll in rolls]), voiced)
    nulls = {"baseline": no_baseline, "variant": no_variant}
    return Contour(baseline=baseline, variant=variant, null_reasons={side: why for side, why in nulls.items() if why})


def _reach(frames: Frames, voiced: Mask) -> tuple[PitchRange | None, str]:
    """Of one side's voiced frames; or why there is none."""
    pitch = frames.pitch_semitones[voiced].astype(np.float64)
    if not pitch.size or not np.isfinite(pitch).all():
        return None, "no voiced frame" if not pitch.size else "a pitch is not finite"
    low, middle, high = np.percentile(pitch, (5, 50, 95))
    confidence = float(np.median(frames.confidence[voiced].astype(np.float64)))
    heard = bool(np.isfinite(confidence))
    reach = PitchRange(
        low_semitones=low,
        middle_semitones=middle,
        high_semitones=high,
        confidence=confidence if heard else None,
        null_reasons={} if heard else {"confidence": "none is returned, or one is not finite"},
    )
    return reach, ""
