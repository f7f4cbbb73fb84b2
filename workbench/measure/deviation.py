"""Variant against baseline, frame by frame. Pure functions over two rolls of the same chunks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.recipe.options import OUTPUTS, Output
from workbench.record_model import RecordModel
from workbench.runtime.session import Frames, concat_frames
from workbench.units import CENTS_PER_SEMITONE

Mask = NDArray[np.bool_]

# Two pitch bins tie where their activations differ by less than float rounding moves an activation from one
# implementation of the network to another: by 1.6e-3 of the best bin at most, over 23,454 voiced frames of singing and
# tones at four rates and three mirrors (upstream against the restatement in eager, 10 ms hops; none fell differently).
TIE_MARGIN = 2e-3
# A deviation that a listener or a plot would notice; below it, a tie is not worth naming.
NAMED_FROM_CENTS = 0.1


class PitchDeviation(RecordModel):
    """|variant - baseline| in cents over voiced frames; `bias_cents` is the signed mean.

    An octave jump is a difference within 50 cents of a whole, non-zero number of octaves. `max_untied_cents` leaves
    out the frames named in `tied_frames`.
    """

    median_cents: float | None
    p95_cents: float | None
    max_cents: float | None
    max_untied_cents: float | None
    bias_cents: float | None
    over_50_cents_rate: float | None
    octave_rate: float | None


class ConfidenceDeviation(RecordModel):
    """|variant - baseline| of the confidence, over all frames."""

    mean: float | None
    p95: float | None
    max: float | None


class TiedFrame(RecordModel):
    """A voiced frame whose two best bins tie in the baseline itself, and fall the other way in the variant."""

    clip: str
    frame: int
    cents: float


class FrameDeviation(RecordModel):
    """What one set of frames shows. Volume is relative to the baseline's; a flip crosses the voicing threshold.

    Frames that are not finite are the variant's, and the baseline's apart: each is counted on its own side, and takes
    away the figures that it would enter."""

    frames: int
    voiced_frames: int
    nonfinite_frames: int
    baseline_nonfinite_frames: int = 0  # not counted apart in older records
    pitch: PitchDeviation
    confidence: ConfidenceDeviation
    voicing_flip_rate: float | None
    volume_p95_relative: float | None


class ClipDeviation(FrameDeviation):
    name: str
    voiced_by: str


class Deviation(FrameDeviation):
    """All scored clips together (their frames pooled, not their figures averaged), then each."""

    tied_frames: tuple[TiedFrame, ...]
    clips: tuple[ClipDeviation, ...]


@dataclass(frozen=True)
class PairedFrames:
    """Both rolls of one clip; `voiced` (frames,) marks where pitch is compared, `voiced_by` says on whose word."""

    name: str
    baseline: Frames
    variant: Frames
    voiced: Mask
    voiced_by: str


def deviation(rolls: Sequence[PairedFrames], threshold: float) -> Deviation:
    """The deviation over all clips and of each; `threshold` is the voicing confidence. Needs at least one clip."""
    pooled = _figures(
        concat_frames([roll.baseline for roll in rolls]),
        concat_frames([roll.variant for roll in rolls]),
        np.concatenate([roll.voiced for roll in rolls]),
        threshold,
    )
    clips = (
        ClipDeviation(
            name=roll.name,
            voiced_by=roll.voiced_by,
            **dict(_figures(roll.baseline, roll.variant, roll.voiced, threshold)),
        )
        for roll in rolls
    )
    ties = (
        TiedFrame(clip=roll.name, frame=int(frame), cents=float(_cents(roll.baseline, roll.variant)[frame]))
        for roll in rolls
        for frame in np.flatnonzero(_tie_mask(roll.baseline, roll.variant) & roll.voiced)
    )
    return Deviation(tied_frames=tuple(ties), clips=tuple(clips), **dict(pooled))


def pitch_deviation(baseline: Frames, variant: Frames, voiced: Mask) -> PitchDeviation:
    """Over the voiced frames; all null, with the reason, where there is none or where a pitch is not finite."""
    signed = _cents(baseline, variant)[voiced]
    reason = None
    if not signed.size:
        reason = "no voiced frame"
    elif unknown := int((~np.isfinite(baseline.pitch_semitones[voiced])).sum()):
        reason = f"{unknown} of {signed.size} voiced frames have no finite pitch in the baseline"
    elif not np.isfinite(signed).all():
        reason = f"{int((~np.isfinite(signed)).sum())} of {signed.size} voiced frames have no finite pitch"
    if reason:
        names = [name for name in PitchDeviation.model_fields if name != "null_reasons"]
        return PitchDeviation(**dict.fromkeys(names), null_reasons=dict.fromkeys(names, reason))
    cents = np.abs(signed)
    untied = cents[~_tie_mask(baseline, variant)[voiced]]
    octaves = np.round(cents / 1200)
    return PitchDeviation(
        median_cents=float(np.median(cents)),
        p95_cents=float(np.percentile(cents, 95)),
        max_cents=float(cents.max()),
        max_untied_cents=float(untied.max()) if untied.size else None,
        bias_cents=float(signed.mean()),
        over_50_cents_rate=float((cents > 50).mean()),
        octave_rate=float(((octaves > 0) & (np.abs(cents - 1200 * octaves) <= 50)).mean()),
        null_reasons={} if untied.size else {"max_untied_cents": "every voiced frame is tied"},
    )


def confidence_deviation(baseline: Frames, variant: Frames) -> ConfidenceDeviation:
    """Over all frames; null where a confidence is not finite, or the variant returns none."""
    difference = np.abs(variant.confidence.astype(np.float64) - baseline.confidence)
    if not difference.size or not np.isfinite(difference).all():
        reason = "no frame" if not difference.size else "a confidence is not finite"
        if "confidence" in variant.absent:
            reason = absent_output_reason("confidence")
        return ConfidenceDeviation(
            mean=None, p95=None, max=None, null_reasons=dict.fromkeys(("mean", "p95", "max"), reason)
        )
    return ConfidenceDeviation(
        mean=float(difference.mean()), p95=float(np.percentile(difference, 95)), max=float(difference.max())
    )


def _figures(baseline: Frames, variant: Frames, voiced: Mask, threshold: float) -> FrameDeviation:
    ours, theirs = _finite(variant), _finite(baseline)
    finite = ours & theirs
    reason = "" if finite.all() else f"{int((~finite).sum())} frames are not finite"
    nulls = {}
    volume = flips = None
    if why := absent_output_reason("volume") if "volume" in variant.absent else reason:
        nulls["volume_p95_relative"] = why
    else:  # the baseline's volume is never 0: upstream floors every bin's magnitude
        volume = float(np.percentile(np.abs(variant.volume.astype(np.float64) / baseline.volume - 1), 95))
    if why := absent_output_reason("confidence") if "confidence" in variant.absent else reason:
        nulls["voicing_flip_rate"] = why
    else:
        flips = float(((variant.confidence >= threshold) != (baseline.confidence >= threshold)).mean())
    return FrameDeviation(
        frames=len(baseline),
        voiced_frames=int(voiced.sum()),
        nonfinite_frames=int((~ours).sum()),
        baseline_nonfinite_frames=int((~theirs).sum()),
        pitch=pitch_deviation(baseline, variant, voiced),
        confidence=confidence_deviation(baseline, variant),
        voicing_flip_rate=flips,
        volume_p95_relative=volume,
        null_reasons=nulls,
    )


def _finite(side: Frames) -> Mask:
    """(frames,) whether all that the side returns is a number."""
    values = zip(OUTPUTS, (side.pitch_semitones, side.confidence, side.volume), strict=True)
    return np.asarray(np.all([np.isfinite(of) for name, of in values if name not in side.absent], axis=0))


def absent_output_reason(output: Output) -> str:
    """Why there is no figure of an output that a program does not return."""
    return f"the program does not return {output} (outputs)"


def _cents(baseline: Frames, variant: Frames) -> NDArray[np.float64]:
    difference = variant.pitch_semitones.astype(np.float64) - baseline.pitch_semitones
    return np.asarray(difference * CENTS_PER_SEMITONE)


def _tie_mask(baseline: Frames, variant: Frames) -> Mask:
    """Frames that deviate by more than NAMED_FROM_CENTS where the baseline's best bins tie."""
    if baseline.margin is None:
        return np.zeros(len(baseline), np.bool_)
    cents = np.abs(_cents(baseline, variant))
    return np.asarray((baseline.margin < TIE_MARGIN) & (cents > NAMED_FROM_CENTS) & np.isfinite(cents))
