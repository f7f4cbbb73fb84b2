"""The accuracy of both sides against the known f0, with mir_eval's melody metrics, at the times of the frames."""

from collections.abc import Sequence

import numpy as np

from workbench.audio.annotations import TRUTH_KINDS, TruthKind
from workbench.audio.decode import Clip
from workbench.measure.alignment import Alignment, Hertz, reference_hz
from workbench.measure.deviation import absent_output_reason
from workbench.measure.f0_misfit import F0Misfit
from workbench.recipe.stream_config import StreamConfig
from workbench.record_model import RecordModel
from workbench.runtime.session import Frames, concat_frames
from workbench.units import semitones_to_hz


class PitchAccuracy(RecordModel):
    """The accuracy of one side, by mir_eval.melody, over the frames of all clips whose f0 is known.

    A frame is voiced in truth if its known f0 is above 0, and in the estimate if its confidence reaches the threshold.

    Attributes:
        rpa50: Raw pitch accuracy: the share of frames voiced in truth whose pitch is within 50 cents of the known f0,
            voiced in the estimate or not. Null if no frame is voiced in truth.
        rca50: Raw chroma accuracy: the same, but octave errors count as right. Null if `rpa50` is null.
        voicing_recall: The share of frames voiced in truth that are voiced in the estimate. Null as `rpa50`, and if the
            program does not return the confidence.
        voicing_false_alarm: The share of frames unvoiced in truth that are voiced in the estimate. Null if every frame
            is voiced in truth, and if the program does not return the confidence.
        overall: The share of all frames that are right: voiced on both sides and within 50 cents, or unvoiced on both.
            Null if the program does not return the confidence.
    """

    rpa50: float | None
    rca50: float | None
    voicing_recall: float | None
    voicing_false_alarm: float | None
    overall: float | None


class KindAccuracy(RecordModel):
    """The accuracy of both sides on the scored clips whose f0 is known in one way. Kinds of truth are never mixed.

    An accuracy is null if no scored clip has a known f0, if the delay is unknown, or if a pitch or a confidence is not
    finite.

    Attributes:
        kind: How the f0 is known: "annotated" (by hand, or rendered), "consensus" (several trackers agree) or
            "resynthesis" (a vocoder sang the recording again).
        clips: The clips, by name.
        frames: The frames of these clips whose f0 is known, voiced or not.
        unknown_frames: The other frames, which are not scored: the trackers of a consensus do not agree on them.
        voiced_frames: The frames in which the known f0 is voiced.
        baseline: The accuracy of the baseline at the recipe's threshold.
        variant: The accuracy of the variant at the recipe's threshold.
        rpa50_change: The variant's rpa50 less the baseline's. Null if one of them is.
        baseline_at_best: The accuracy of the baseline at `best_threshold`.
        variant_at_best: The accuracy of the variant at `best_threshold`.
    """

    kind: TruthKind = "annotated"
    clips: tuple[str, ...]
    frames: int
    unknown_frames: int = 0
    voiced_frames: int
    baseline: PitchAccuracy | None
    variant: PitchAccuracy | None
    rpa50_change: float | None
    baseline_at_best: PitchAccuracy | None
    variant_at_best: PitchAccuracy | None


class Truth(KindAccuracy):
    """The accuracy of both sides on the scored clips whose f0 is known.

    The figures are of the clips of one kind of truth, `kind`. If the scored clips have several kinds, it is the first
    of annotated, consensus and resynthesis, and `other_kinds` has the figures of the others.

    Attributes:
        delay_ms: How far the frames are moved back. Null if no calibration clip has a known, voiced f0.
        threshold: The voicing threshold of the recipe.
        best_threshold: The threshold that has the largest recall less false alarms for the baseline on the calibration
            clips. Null if they do not have both voiced and unvoiced frames of known f0.
        misfits: The clips, also those for calibration, whose known f0 fits their audio only after a change.
        other_kinds: The figures of each other kind of truth, by the same delay and thresholds.
    """

    delay_ms: float | None
    threshold: float
    best_threshold: float | None
    misfits: tuple[F0Misfit, ...] = ()
    other_kinds: tuple[KindAccuracy, ...] = ()


def accuracy(hz: Hertz, frames: Frames, threshold: float) -> PitchAccuracy | None:
    """Returns the accuracy of frames.

    Args:
        hz: (frames,) known f0, 0 if unvoiced, NaN if unknown. Unknown frames do not count.
        frames: (frames,) of each output.
        threshold: The confidence from which a frame of the estimate counts as voiced.

    Returns:
        None without frames of known f0, or if a pitch or a confidence is not finite.
    """
    without_confidence, known = "confidence" in frames.absent, ~np.isnan(hz)
    hz, pitch_semitones = hz[known], frames.pitch_semitones[known]
    confidence = np.ones(len(hz), np.float32) if without_confidence else frames.confidence[known]
    if not len(hz) or not (np.isfinite(pitch_semitones).all() and np.isfinite(confidence).all()):
        return None
    import mir_eval  # imports scipy, and a stored accuracy is read without it

    voiced = hz > 0
    estimated_voiced = (confidence >= threshold).astype(float)
    estimated_cents = mir_eval.melody.hz2cents(semitones_to_hz(pitch_semitones))
    melody = (voiced.astype(float), mir_eval.melody.hz2cents(hz), estimated_voiced, estimated_cents)
    recall, false_alarm = mir_eval.melody.voicing_measures(melody[0], estimated_voiced)
    nulls = {}
    if not voiced.any():
        nulls = dict.fromkeys(("rpa50", "rca50", "voicing_recall"), "no frame is voiced")
    elif voiced.all():
        nulls = {"voicing_false_alarm": "every frame is voiced"}
    if without_confidence:
        nulls |= dict.fromkeys(("voicing_recall", "voicing_false_alarm", "overall"), absent_output_reason("confidence"))
    figures = {
        "rpa50": mir_eval.melody.raw_pitch_accuracy(*melody),
        "rca50": mir_eval.melody.raw_chroma_accuracy(*melody),
        "voicing_recall": recall,
        "voicing_false_alarm": false_alarm,
        "overall": mir_eval.melody.overall_accuracy(*melody),
    }
    return PitchAccuracy(
        **{name: None if name in nulls else float(value) for name, value in figures.items()}, null_reasons=nulls
    )


def truth(
    clips: Sequence[Clip],
    baseline: Sequence[Frames],
    variant: Sequence[Frames],
    stream: StreamConfig,
    threshold: float,
    alignment: Alignment,
) -> Truth:
    """Returns the accuracy of both sides over all scored clips whose f0 is known, their frames pooled.

    Args:
        clips: The scored clips.
        baseline: The frames of the baseline, clip by clip.
        variant: The frames of the variant, clip by clip.
        stream: The stream.
        threshold: The voicing threshold of the recipe.
        alignment: The delay and the threshold fitted to the calibration clips.
    """
    delay_ms, best = alignment.delay_ms, alignment.best_threshold
    sides = list(zip(clips, baseline, variant, strict=True))
    kinds = [kind for kind in TRUTH_KINDS if any(clip.f0 is not None and clip.f0.kind == kind for clip in clips)]
    figures = [_kind_accuracy(kind, sides, stream, threshold, alignment) for kind in kinds or TRUTH_KINDS[:1]]
    nulls = dict(figures[0].null_reasons)
    if delay_ms is None:
        nulls["delay_ms"] = "no calibration clip has a known, voiced f0"
    if best is None:
        nulls["best_threshold"] = "the calibration clips do not have both voiced and unvoiced frames of known f0"
    return Truth(
        **{name: getattr(figures[0], name) for name in KindAccuracy.model_fields if name != "null_reasons"},
        delay_ms=delay_ms,
        threshold=threshold,
        best_threshold=best,
        other_kinds=tuple(figures[1:]),
        null_reasons=nulls,
    )


def _kind_accuracy(
    kind: TruthKind,
    sides: Sequence[tuple[Clip, Frames, Frames]],
    stream: StreamConfig,
    threshold: float,
    alignment: Alignment,
) -> KindAccuracy:
    """Returns the accuracy on the clips of one kind of truth, their frames pooled."""
    known: list[str] = []
    hz, baseline, variant = [np.empty(0)], [], []
    for clip, expected, estimated in sides:
        if clip.f0 is not None and clip.f0.kind == kind and alignment.delay_ms is not None:
            known.append(clip.name)
            hz.append(reference_hz(clip.f0, len(expected), stream, alignment.delay_ms))
            baseline.append(expected)
            variant.append(estimated)
    pooled_hz = np.concatenate(hz)

    def accuracy_of(frames: Sequence[Frames], at_threshold: float | None) -> PitchAccuracy | None:
        return accuracy(pooled_hz, concat_frames(frames), at_threshold) if frames and at_threshold is not None else None

    best = alignment.best_threshold
    thresholds = {"baseline": threshold, "variant": threshold, "baseline_at_best": best, "variant_at_best": best}
    frames_of = {name: baseline if name.startswith("baseline") else variant for name in thresholds}
    scores = {name: accuracy_of(frames_of[name], at) for name, at in thresholds.items()}
    reasons = {name: _null_reason(kind, sides, pooled_hz, alignment, at) for name, at in thresholds.items()}
    nulls = {name: reasons[name] for name, score in scores.items() if score is None}
    change = _rpa50_change(scores["baseline"], scores["variant"])
    if change is None:
        nulls["rpa50_change"] = nulls.get("baseline") or nulls.get("variant") or "no frame is voiced"
    unknown = int(np.isnan(pooled_hz).sum())
    return KindAccuracy(
        kind=kind,
        clips=tuple(known),
        frames=len(pooled_hz) - unknown,
        unknown_frames=unknown,
        voiced_frames=int((pooled_hz > 0).sum()),
        rpa50_change=change,
        null_reasons=nulls,
        **scores,
    )


def _rpa50_change(baseline: PitchAccuracy | None, variant: PitchAccuracy | None) -> float | None:
    if baseline is None or variant is None or baseline.rpa50 is None or variant.rpa50 is None:
        return None
    return variant.rpa50 - baseline.rpa50


def _null_reason(
    kind: TruthKind,
    sides: Sequence[tuple[Clip, Frames, Frames]],
    hz: Hertz,
    alignment: Alignment,
    threshold: float | None,
) -> str:
    """Returns why a side has no accuracy at a threshold."""
    if all(clip.f0 is None or clip.f0.kind != kind for clip, _, _ in sides):
        return "no scored clip has a known f0"
    if alignment.delay_ms is None:
        return "the delay is not known: no calibration clip has a known, voiced f0"
    if threshold is None:
        return "there is no best threshold"
    return "the f0 of every frame is unknown" if np.isnan(hz).all() else "a pitch or confidence is not finite"
