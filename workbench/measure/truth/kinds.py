"""The accuracy of both sides on all clips whose f0 is known in one way: kinds of truth are never mixed."""

from collections.abc import Sequence

import numpy as np

from workbench.audio.annotations import TRUTH_KINDS, TruthKind
from workbench.audio.decode import Clip
from workbench.measure.alignment import Alignment, Hertz, reference_hz
from workbench.measure.f0_misfit import F0Misfit
from workbench.measure.truth.groups import GroupAccuracy, KnownFrames, groups
from workbench.measure.truth.pitch_accuracy import PitchAccuracy, accuracy
from workbench.recipe.stream_config import StreamConfig
from workbench.record_model import RecordModel
from workbench.runtime.session import Frames, concat_frames, frame_end_s


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
        groups: The accuracy of all frames, of each octave, each clip and each singer, with intervals. Empty in a record
            that does not state it, and if no accuracy is known.
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
    groups: tuple[GroupAccuracy, ...] = ()


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
    of_kind = [side for side in sides if side[0].f0 is not None and side[0].f0.kind == kind]
    known = known_frames(of_kind, stream, alignment.delay_ms) if alignment.delay_ms is not None else None
    names = tuple(clip.name for clip, _, _ in of_kind) if known is not None else ()
    pooled_hz = np.empty(0) if known is None else known.hz

    def accuracy_of(side: str, at_threshold: float | None) -> PitchAccuracy | None:
        if known is None or at_threshold is None:
            return None
        return accuracy(known.hz, known.baseline if side == "baseline" else known.variant, at_threshold)

    best = alignment.best_threshold
    thresholds = {"baseline": threshold, "variant": threshold, "baseline_at_best": best, "variant_at_best": best}
    scores = {name: accuracy_of(name.removesuffix("_at_best"), at) for name, at in thresholds.items()}
    reasons = {name: _null_reason(kind, sides, pooled_hz, alignment, at) for name, at in thresholds.items()}
    nulls = {name: reasons[name] for name, score in scores.items() if score is None}
    change = rpa50_change(scores["baseline"], scores["variant"])
    if change is None:
        nulls["rpa50_change"] = nulls.get("baseline") or nulls.get("variant") or "no frame is voiced"
    unknown = int(np.isnan(pooled_hz).sum())
    return KindAccuracy(
        kind=kind,
        clips=names,
        frames=len(pooled_hz) - unknown,
        unknown_frames=unknown,
        voiced_frames=int((pooled_hz > 0).sum()),
        rpa50_change=change,
        groups=tuple(groups(known, names, [clip.singer for clip, _, _ in of_kind], threshold)) if known else (),
        null_reasons=nulls,
        **scores,
    )


def known_frames(
    sides: Sequence[tuple[Clip, Frames, Frames]], stream: StreamConfig, delay_ms: float
) -> KnownFrames | None:
    """Returns the frames of clips, each with those of the baseline and the variant, pooled with their known f0.

    None if no clip has a known f0.
    """
    known = [(clip.f0, expected, found) for clip, expected, found in sides if clip.f0 is not None]
    if not known:
        return None
    return KnownFrames(
        hz=np.concatenate([reference_hz(f0, len(expected), stream, delay_ms) for f0, expected, _ in known]),
        clip=np.repeat(np.arange(len(known)), [len(expected) for _, expected, _ in known]),
        time_s=np.concatenate([frame_end_s(len(expected), stream) for _, expected, _ in known]),
        baseline=concat_frames([expected for _, expected, _ in known]),
        variant=concat_frames([found for _, _, found in known]),
    )


def rpa50_change(baseline: PitchAccuracy | None, variant: PitchAccuracy | None) -> float | None:
    """Returns the variant's rpa50 less the baseline's. None if one of them is."""
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
