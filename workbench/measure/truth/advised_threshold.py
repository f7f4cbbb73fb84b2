"""The confidence threshold to use a program with: the one at which most of its frames are right.

`truth.best_threshold` weighs recall and false alarms equally, whatever share of the frames is voiced, and is of the
baseline. This one is of the variant, and counts frames as a user sees them: right is a frame with the right pitch, and
one that shows no pitch where there is none. That is mir_eval's overall accuracy.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Self

import numpy as np

from workbench.audio.annotations import TruthKind
from workbench.audio.clip_catalog import SYNTHETIC_CALIBRATE
from workbench.audio.decode import Clip
from workbench.measure.alignment import THRESHOLDS, Hertz, middle, of_one_kind, reference_hz
from workbench.measure.deviation import absent_output_reason
from workbench.measure.truth.pitch_accuracy import accuracy
from workbench.recipe.stream_config import StreamConfig
from workbench.record_model import RecordModel
from workbench.runtime.session import Frames, concat_frames

_NO_FIGURES = ("threshold", "kind", "calibration_overall", "overall", "program_threshold", "program_overall")
ONE_CLASS = "the calibration clips do not have both voiced and unvoiced frames of known f0"


class AdvisedThreshold(RecordModel):
    """The confidence threshold at which most of the variant's frames are right, chosen on calibration clips.

    A frame is right if it is voiced on both sides and within 50 cents of the known f0, or unvoiced on both. The shares
    are mir_eval's overall accuracy.

    Attributes:
        threshold: Of 0.01 to 0.99, the threshold with the largest share of right frames on the calibration clips; of
            equal ones the middle one. Null if these clips do not have both voiced and unvoiced frames of known f0.
        kind: How the f0 of the calibration clips is known.
        chosen_on: The calibration clips that it was chosen on, by name.
        calibration_overall: The share of right frames on them, at `threshold`.
        overall: The share of right frames on the scored clips, at `threshold`.
        program_threshold: The threshold that the program states in its metadata; if it states none, what the workbench
            and the bundle use.
        program_overall: The share of right frames on the scored clips, at `program_threshold`.
    """

    threshold: float | None
    kind: TruthKind | None
    chosen_on: tuple[str, ...] = ()
    calibration_overall: float | None
    overall: float | None
    program_threshold: float | None
    program_overall: float | None

    @classmethod
    def absent(cls, reason: str) -> Self:
        """Returns a record without figures; `reason` says why."""
        return cls(**dict.fromkeys(_NO_FIGURES), null_reasons=dict.fromkeys(_NO_FIGURES, reason))

    @property
    def is_of_rendered_clips(self) -> bool:
        """Whether every calibration clip is synthetic: its rests are digital silence, which no microphone records."""
        return all(name.startswith(f"{SYNTHETIC_CALIBRATE}/") for name in self.chosen_on)

    @property
    def chosen_on_text(self) -> str:
        """The calibration clips by folder: "9 clips of synthetic/calibrate"."""
        folders = Counter(name.rpartition("/")[0] for name in self.chosen_on)
        return " and ".join(
            f"{count} clip{'s' * (count > 1)}{f' of {folder}' * bool(folder)}" for folder, count in folders.items()
        )


def advised_threshold(
    calibration: Sequence[tuple[Clip, Frames]],
    scored: Sequence[tuple[Clip, Frames]],
    stream: StreamConfig,
    delay_ms: float | None,
    program_threshold: float,
) -> AdvisedThreshold:
    """Chooses a threshold on calibration clips, and scores it on others. Kinds of truth are not mixed.

    Args:
        calibration: Calibration clips, each with the frames of the variant.
        scored: Scored clips, each with the frames of the variant.
        stream: The stream.
        delay_ms: How far the frames are moved back; None if that is not known.
        program_threshold: The threshold that the program is used with now.
    """
    if delay_ms is None:
        return AdvisedThreshold.absent("the delay is not known: no calibration clip has a known, voiced f0")
    clips, hz, frames = _pooled(calibration, stream, delay_ms)
    if frames is None or not (hz > 0).any() or not (hz == 0).any():
        return AdvisedThreshold.absent(ONE_CLASS)
    if "confidence" in frames.absent:
        return AdvisedThreshold.absent(absent_output_reason("confidence"))
    shares = np.array([_overall(hz, frames, threshold) for threshold in THRESHOLDS], float)  # None becomes NaN
    if np.isnan(shares).any():
        return AdvisedThreshold.absent("a pitch or confidence is not finite")
    threshold = middle(np.array(THRESHOLDS)[shares == shares.max()])
    _, scored_hz, scored_frames = _pooled(scored, stream, delay_ms)
    overall, program_overall = (
        None if scored_frames is None else _overall(scored_hz, scored_frames, at)
        for at in (threshold, program_threshold)
    )
    unscored = [name for name, share in (("overall", overall), ("program_overall", program_overall)) if share is None]
    return AdvisedThreshold(
        threshold=threshold,
        kind=clips[0].f0.kind if clips[0].f0 else None,
        chosen_on=tuple(clip.name for clip in clips),
        calibration_overall=float(shares.max()),
        overall=overall,
        program_threshold=program_threshold,
        program_overall=program_overall,
        null_reasons=dict.fromkeys(unscored, "no scored clip has a known f0"),
    )


def _pooled(
    pairs: Sequence[tuple[Clip, Frames]], stream: StreamConfig, delay_ms: float
) -> tuple[list[Clip], Hertz, Frames | None]:
    """Returns the clips of one kind of truth, their known f0 and their frames, pooled; no frames without such clips."""
    known = of_one_kind(pairs)
    if not known:
        return [], np.empty(0), None
    hz = [reference_hz(clip.f0, len(frames), stream, delay_ms) for clip, frames in known if clip.f0 is not None]
    return [clip for clip, _ in known], np.concatenate(hz), concat_frames([frames for _, frames in known])


def _overall(hz: Hertz, frames: Frames, threshold: float) -> float | None:
    figures = accuracy(hz, frames, threshold)
    return None if figures is None else figures.overall
