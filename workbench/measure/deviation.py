"""The deviation of a variant from the baseline, frame by frame: pure functions over the frames of the same chunks."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workbench.measure.paired_frames import Mask, PairedFrames, pool
from workbench.recipe.options import OUTPUTS, Output
from workbench.record_model import RecordModel
from workbench.runtime.session import Floats, Frames
from workbench.units import cents_between

# Two pitch bins tie if their activations differ by less than this share of the best bin. Float rounding changes an
# activation by up to 1.6e-3 of the best bin (measured: upstream and the restatement in eager, 10 ms hops, 23,454 voiced
# frames of singing and tones, four rates, three mirrors). No tie changed its bin.
TIE_MARGIN = 2e-3
# A tied frame that deviates by less is not listed: neither a listener nor a plot shows it.
MIN_TIED_CENTS = 0.1
_OUTPUT_OF: dict[str, Output] = {"volume_p95_relative": "volume", "voicing_flip_rate": "confidence"}


class PitchDeviation(RecordModel):
    """The pitch of the variant less that of the baseline, in cents, over the voiced frames.

    All figures are null if there is no voiced frame, or if the pitch of a voiced frame is not finite on either side.

    Attributes:
        median_cents: The median of the absolute deviations.
        p95_cents: The 95th percentile of the absolute deviations.
        max_cents: The largest absolute deviation.
        max_untied_cents: The largest one without the frames in `tied_frames`. Also null if all frames are tied.
        max_without_jumps_cents: The largest one of those that are at most 50 cents. Also null if all are larger.
        bias_cents: The mean of the signed deviations.
        over_50_cents_rate: The share of frames whose absolute deviation is above 50 cents.
        octave_rate: The share of frames whose absolute deviation is within 50 cents of 1, 2, ... octaves.
    """

    median_cents: float | None
    p95_cents: float | None
    max_cents: float | None
    max_untied_cents: float | None
    bias_cents: float | None
    over_50_cents_rate: float | None
    octave_rate: float | None
    max_without_jumps_cents: float | None = None


class ConfidenceDeviation(RecordModel):
    """The absolute difference of the confidence (0 to 1) between variant and baseline, over all frames.

    All figures are null if a confidence is not finite, or if the program does not return it.

    Attributes:
        mean: The mean.
        p95: The 95th percentile.
        max: The maximum.
    """

    mean: float | None
    p95: float | None
    max: float | None


class TiedFrame(RecordModel):
    """A voiced frame whose two best pitch bins tie in the baseline, and in which the variant chooses the other one.

    Attributes:
        clip: The clip.
        frame: The number of the frame, from 0.
        cents: The signed deviation of its pitch.
    """

    clip: str
    frame: int
    cents: float


class FrameDeviation(RecordModel):
    """The deviation over a set of frames.

    A frame is not finite if one of its outputs is not a finite number. Such frames are counted on their own side, and
    every figure that they would enter is null.

    Attributes:
        frames: All frames.
        voiced_frames: The frames on which the pitch is compared.
        nonfinite_frames: Frames of the variant that are not finite.
        baseline_nonfinite_frames: Frames of the baseline that are not finite; 0 in a record that does not state it.
        pitch: The deviation of the pitch, over the voiced frames.
        confidence: The deviation of the confidence, over all frames.
        voicing_flip_rate: The share of all frames in which the confidence reaches the voicing threshold on one side
            only. Null if a frame is not finite, or if the program does not return the confidence.
        volume_p95_relative: The 95th percentile of |variant / baseline - 1| of the volume, over all frames. Null if a
            frame is not finite, or if the program does not return the volume.
    """

    frames: int
    voiced_frames: int
    nonfinite_frames: int
    baseline_nonfinite_frames: int = 0
    pitch: PitchDeviation
    confidence: ConfidenceDeviation
    voicing_flip_rate: float | None
    volume_p95_relative: float | None


class ClipDeviation(FrameDeviation):
    """The deviation over one clip.

    Attributes:
        name: The name of the clip.
        voiced_by: What marks its voiced frames: the known f0 or the confidence of the baseline.
    """

    name: str
    voiced_by: str


class Deviation(FrameDeviation):
    """The deviation over all scored clips: their frames are pooled, not their figures averaged.

    Attributes:
        tied_frames: The voiced frames that deviate because two pitch bins tie.
        clips: The deviation over each clip.
    """

    tied_frames: tuple[TiedFrame, ...]
    clips: tuple[ClipDeviation, ...]


def deviation(clips: Sequence[PairedFrames], threshold: float) -> Deviation:
    """Returns the deviation over all clips and over each.

    Args:
        clips: The frames of at least one clip.
        threshold: The confidence from which a side counts as voiced, for `voicing_flip_rate`.
    """
    ties = []
    for clip in clips:
        cents = cents_between(clip.variant.pitch_semitones, clip.baseline.pitch_semitones)
        for frame in np.flatnonzero(_tie_mask(clip.baseline, clip.variant) & clip.voiced):
            ties.append(TiedFrame(clip=clip.name, frame=int(frame), cents=float(cents[frame])))
    clip_deviations = (
        ClipDeviation(name=clip.name, voiced_by=clip.voiced_by, **dict(frame_deviation(clip, threshold)))
        for clip in clips
    )
    pooled = frame_deviation(pool(clips), threshold)
    return Deviation(tied_frames=tuple(ties), clips=tuple(clip_deviations), **dict(pooled))


def pitch_deviation(baseline: Frames, variant: Frames, voiced: Mask) -> PitchDeviation:
    """Returns the deviation of the pitch over the frames that `voiced` (frames,) marks."""
    signed = cents_between(variant.pitch_semitones, baseline.pitch_semitones)[voiced]
    reason = _no_pitch_reason(baseline.pitch_semitones[voiced], signed)
    if reason:
        names = [name for name in PitchDeviation.model_fields if name != "null_reasons"]
        return PitchDeviation(**dict.fromkeys(names), null_reasons=dict.fromkeys(names, reason))
    cents = np.abs(signed)
    untied = cents[~_tie_mask(baseline, variant)[voiced]]
    near = cents[cents <= 50]
    octaves = np.round(cents / 1200)
    nulls = {} if untied.size else {"max_untied_cents": "every voiced frame is tied"}
    if not near.size:
        nulls["max_without_jumps_cents"] = "every voiced frame deviates by more than 50 cents"
    return PitchDeviation(
        median_cents=float(np.median(cents)),
        p95_cents=float(np.percentile(cents, 95)),
        max_cents=float(cents.max()),
        max_untied_cents=float(untied.max()) if untied.size else None,
        max_without_jumps_cents=float(near.max()) if near.size else None,
        bias_cents=float(signed.mean()),
        over_50_cents_rate=float((cents > 50).mean()),
        octave_rate=float(((octaves > 0) & (np.abs(cents - 1200 * octaves) <= 50)).mean()),
        null_reasons=nulls,
    )


def _no_pitch_reason(baseline_semitones: Floats, signed_cents: NDArray[np.float64]) -> str:
    """Returns why voiced frames have no deviation of the pitch, "" if they have one."""
    if not signed_cents.size:
        return "no voiced frame"
    unknown = int((~np.isfinite(baseline_semitones)).sum())
    if unknown:
        return f"{unknown} of {signed_cents.size} voiced frames have no finite pitch in the baseline"
    broken = int((~np.isfinite(signed_cents)).sum())
    return f"{broken} of {signed_cents.size} voiced frames have no finite pitch in the variant" if broken else ""


def confidence_deviation(baseline: Frames, variant: Frames) -> ConfidenceDeviation:
    """Returns the deviation of the confidence over all frames."""
    difference = np.abs(variant.confidence.astype(np.float64) - baseline.confidence)
    reason = ""
    if "confidence" in variant.absent:
        reason = absent_output_reason("confidence")
    elif not difference.size:
        reason = "no frame"
    elif not np.isfinite(difference).all():
        reason = "a confidence is not finite"
    if reason:
        nulls = dict.fromkeys(("mean", "p95", "max"), reason)
        return ConfidenceDeviation(mean=None, p95=None, max=None, null_reasons=nulls)
    return ConfidenceDeviation(
        mean=float(difference.mean()), p95=float(np.percentile(difference, 95)), max=float(difference.max())
    )


def frame_deviation(pair: PairedFrames, threshold: float) -> FrameDeviation:
    """Returns the deviation over the frames of a pair; `threshold` as in `deviation`."""
    baseline, variant, voiced = pair.baseline, pair.variant, pair.voiced
    variant_finite, baseline_finite = _finite(variant), _finite(baseline)
    broken = int((~(variant_finite & baseline_finite)).sum())
    nulls = {}
    volume = flips = None
    for metric, output in _OUTPUT_OF.items():
        if output in variant.absent:
            nulls[metric] = absent_output_reason(output)
        elif broken:
            nulls[metric] = f"{broken} frames are not finite"
    if "volume_p95_relative" not in nulls:  # the baseline's volume is never 0: upstream floors every bin's magnitude
        ratio = variant.volume.astype(np.float64) / baseline.volume
        volume = float(np.percentile(np.abs(ratio - 1), 95))
    if "voicing_flip_rate" not in nulls:
        flips = float(((variant.confidence >= threshold) != (baseline.confidence >= threshold)).mean())
    return FrameDeviation(
        frames=len(baseline),
        voiced_frames=int(voiced.sum()),
        nonfinite_frames=int((~variant_finite).sum()),
        baseline_nonfinite_frames=int((~baseline_finite).sum()),
        pitch=pitch_deviation(baseline, variant, voiced),
        confidence=confidence_deviation(baseline, variant),
        voicing_flip_rate=flips,
        volume_p95_relative=volume,
        null_reasons=nulls,
    )


def _finite(side: Frames) -> Mask:
    """Returns (frames,): whether every output that the side returns is finite."""
    values = zip(OUTPUTS, (side.pitch_semitones, side.confidence, side.volume), strict=True)
    finite = [np.isfinite(output) for name, output in values if name not in side.absent]
    return np.asarray(np.all(finite, axis=0))


def absent_output_reason(output: Output) -> str:
    """Returns why there is no figure of an output that a program does not return."""
    return f"the program does not return {output} (outputs)"


def _tie_mask(baseline: Frames, variant: Frames) -> Mask:
    """Returns (frames,): whether a frame deviates by more than MIN_TIED_CENTS and the baseline's best bins tie."""
    if baseline.margin is None:
        return np.zeros(len(baseline), np.bool_)
    cents = np.abs(cents_between(variant.pitch_semitones, baseline.pitch_semitones))
    return np.asarray((baseline.margin < TIE_MARGIN) & (cents > MIN_TIED_CENTS) & np.isfinite(cents))
