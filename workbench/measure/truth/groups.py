"""The accuracy of both sides on groups of frames: by octave, by clip, by singer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from workbench.measure.alignment import Hertz
from workbench.measure.truth.bootstrap import (
    LEAST_UNITS,
    Flags,
    Indices,
    Interval,
    Resampled,
    resampled_units,
    share_intervals,
)
from workbench.measure.truth.pitch_accuracy import PitchAccuracy, accuracy
from workbench.record_model import RecordModel
from workbench.runtime.session import Frames
from workbench.units import cents_between, hz_to_semitones

_WITHIN_CENTS = 50.0  # as in raw pitch accuracy of mir_eval, which does not include 50 itself
_SEMITONES, _FIRST_OCTAVE = 12, -1  # MIDI note 0 is C of octave -1


class GroupAccuracy(RecordModel):
    """The accuracy of both sides on a group of frames, at the threshold of the recipe.

    The intervals are 95 % bootstrap intervals of `rpa50` over `resampled`. An interval is null if the accuracy is, or
    if the group has fewer than 5 of them. An interval without width says only that all of them have the same share.

    Attributes:
        by: What the groups are: `all` (one group of all frames), `octave` (of the known f0), `clip`, `singer` or
            `condition`.
        group: The octave from its C to its B, the name of the clip, of the singer or of the condition.
        frames: The frames of known f0; of an octave, only voiced ones.
        voiced_frames: The frames in which the known f0 is voiced.
        resampled: What the intervals resample: `clips` if at least 10 have voiced frames of the group, or else
            `seconds` of audio.
        units: How many of them have voiced frames of the group.
        baseline: The accuracy of the baseline.
        variant: The accuracy of the variant.
        baseline_interval: The interval of the baseline's rpa50.
        variant_interval: The interval of the variant's rpa50.
        change_interval: The interval of the variant's rpa50 less the baseline's, both of the same resamples.
    """

    by: Literal["all", "octave", "clip", "singer", "condition"]
    group: str
    frames: int
    voiced_frames: int
    resampled: Resampled
    units: int
    baseline: PitchAccuracy | None
    variant: PitchAccuracy | None
    baseline_interval: Interval | None
    variant_interval: Interval | None
    change_interval: Interval | None


@dataclass(frozen=True, eq=False)
class KnownFrames:
    """Frames of both sides with their known f0.

    `hz` (frames,) is 0 if unvoiced and NaN if unknown; `clip` (frames,) is the index of the clip, and `time_s`
    (frames,) is when the frame ends, from the start of its clip.
    """

    hz: Hertz
    clip: Indices
    time_s: NDArray[np.float64]
    baseline: Frames
    variant: Frames

    def of(self, chosen: Flags) -> "KnownFrames":
        """Returns the frames that (frames,) `chosen` marks."""
        sides = (_chosen(side, chosen) for side in (self.baseline, self.variant))
        return KnownFrames(self.hz[chosen], self.clip[chosen], self.time_s[chosen], *sides)


def groups(
    frames: KnownFrames, clips: Sequence[str], singers: Sequence[str], threshold: float
) -> Iterator[GroupAccuracy]:
    """Yields all frames as one group, then each octave, each clip and each singer.

    Args:
        frames: The frames of all clips.
        clips: The name of each clip.
        singers: The singer of each clip; "" if not known.
        threshold: The confidence from which a frame of an estimate counts as voiced.
    """
    yield group_accuracy("all", "all clips", frames, threshold)
    octaves = octave_of(frames.hz)
    for octave in np.unique(octaves[frames.hz > 0]):
        yield group_accuracy(
            "octave", f"C{octave}-B{octave}", frames.of((frames.hz > 0) & (octaves == octave)), threshold
        )
    for index, clip in enumerate(clips):
        yield group_accuracy("clip", clip, frames.of(frames.clip == index), threshold)
    for singer in sorted(set(singers) - {""}):
        of_singer = np.isin(frames.clip, [index for index, name in enumerate(singers) if name == singer])
        yield group_accuracy("singer", singer, frames.of(of_singer), threshold)


def octave_of(hz: Hertz) -> Indices:
    """Returns the octave of the nearest note in scientific pitch notation, where A4 is 440 Hz; any if unvoiced."""
    notes = np.round(hz_to_semitones(np.where(hz > 0, hz, 440.0)))
    return (notes // _SEMITONES).astype(np.intp) + _FIRST_OCTAVE


def group_accuracy(
    by: Literal["all", "octave", "clip", "singer", "condition"], group: str, frames: KnownFrames, threshold: float
) -> GroupAccuracy:
    """Returns the accuracy of both sides on frames, with intervals."""
    known = frames.of(~np.isnan(frames.hz))
    sides = [accuracy(known.hz, side, threshold) for side in (known.baseline, known.variant)]
    voiced = known.of(known.hz > 0)
    resampled, units = resampled_units(voiced.clip, voiced.time_s)
    right = np.stack([_right(side, voiced.hz) for side in (voiced.baseline, voiced.variant)])
    intervals = share_intervals(units, right) if None not in sides else None
    baseline, variant, change = intervals or (None, None, None)
    count = len(np.unique(units))
    nulls = {
        name: "there is no frame of known f0, or a pitch or confidence is not finite"
        for name, side in zip(("baseline", "variant"), sides, strict=True)
        if side is None
    }
    if intervals is None:
        reason = next(iter(nulls.values()), f"fewer than {LEAST_UNITS} {resampled} have voiced frames")
        nulls |= dict.fromkeys(("baseline_interval", "variant_interval", "change_interval"), reason)
    return GroupAccuracy(
        by=by,
        group=group,
        frames=len(known.hz),
        voiced_frames=len(voiced.hz),
        resampled=resampled,
        units=count,
        baseline=sides[0],
        variant=sides[1],
        baseline_interval=baseline,
        variant_interval=variant,
        change_interval=change,
        null_reasons=nulls,
    )


def _right(side: Frames, hz: Hertz) -> Flags:
    """Returns (frames,): whether a pitch is within 50 cents of the known f0."""
    return np.abs(cents_between(side.pitch_semitones, hz_to_semitones(hz))) < _WITHIN_CENTS


def _chosen(side: Frames, chosen: Flags) -> Frames:
    arrays = {name: getattr(side, name)[chosen] for name in ("pitch_semitones", "confidence", "volume")}
    return replace(side, **arrays, margin=None if side.margin is None else side.margin[chosen])
