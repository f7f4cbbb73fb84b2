"""Baseline and variant against the known f0, with mir_eval's melody metrics, at the frames' own times.

An estimate is late: it is due when its chunk ends and speaks of the audio around the middle of its window. So before
it is held against the truth it is moved back by the delay that fits the calibration clips best.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import mir_eval
import numpy as np
from numpy.typing import NDArray

from workbench.audio.annotations import PitchTrack
from workbench.audio.decode import Clip
from workbench.measure.deviation import absent_output_reason
from workbench.recipe.stream_config import StreamConfig
from workbench.record_model import RecordModel
from workbench.runtime.session import Frames, concat_frames, frame_end_s
from workbench.units import semitones_to_hz

_LONGEST_DELAY_MS = 200
_DELAY_STEP_MS = 1.0
_WORST_CENTS = 100.0  # an octave error says nothing about the delay
_THRESHOLDS = [percent / 100 for percent in range(1, 100)]  # plain floats: they compare as float32, like confidence


class PitchAccuracy(RecordModel):
    """mir_eval.melody over frames whose f0 is known: raw pitch and chroma accuracy within 50 cents (voiced or not in
    the estimate's opinion), then voicing at the threshold. `voicing_recall` is the share of sung frames that it keeps.
    """

    rpa50: float | None
    rca50: float | None
    voicing_recall: float | None
    voicing_false_alarm: float | None
    overall: float | None


class Truth(RecordModel):
    """What the known f0 says. `best_threshold` has the largest recall less false alarms on the calibration clips;
    `rpa50_change` is the variant's rpa50 less the baseline's."""

    clips: tuple[str, ...]
    frames: int
    voiced_frames: int
    delay_ms: float | None
    threshold: float
    baseline: PitchAccuracy | None
    variant: PitchAccuracy | None
    rpa50_change: float | None
    best_threshold: float | None
    baseline_at_best: PitchAccuracy | None
    variant_at_best: PitchAccuracy | None


@dataclass(frozen=True)
class Alignment:
    """What the calibration clips say of a stream; both None where none of them has a known f0 that is voiced."""

    delay_ms: float | None
    best_threshold: float | None


def reference_hz(track: PitchTrack, count: int, stream: StreamConfig, delay_ms: float) -> NDArray[np.float64]:
    """(count,) hertz of the known f0 at the moments that the frames speak of; 0 where unvoiced."""
    return track.at(frame_end_s(count, stream) - delay_ms / 1000)


def fit_alignment(pairs: Sequence[tuple[Clip, Frames]], stream: StreamConfig) -> Alignment:
    """Delay and threshold that serve the baseline best on the calibration clips whose f0 is known."""
    known = [(clip.f0, frames) for clip, frames in pairs if clip.f0 is not None]
    delays_ms = np.arange(0, _LONGEST_DELAY_MS + _DELAY_STEP_MS, _DELAY_STEP_MS)
    errors = [_errors_cents(known, stream, delay_ms) for delay_ms in delays_ms]
    most = max(map(len, errors), default=0)
    if not most:
        return Alignment(None, None)
    # a frame that a delay moves out of the voiced part counts as wrong, or the longest delay would have the fewest
    totals = np.array([error.sum() + _WORST_CENTS * (most - len(error)) for error in errors])
    delay_ms = _middle(delays_ms[totals == totals.min()])
    voiced = np.concatenate([reference_hz(track, len(frames), stream, delay_ms) for track, frames in known]) > 0
    confidence = np.concatenate([frames.confidence for _, frames in known])
    if voiced.all():
        return Alignment(delay_ms, None)
    gains = np.array([(confidence[voiced] >= t).mean() - (confidence[~voiced] >= t).mean() for t in _THRESHOLDS])
    return Alignment(delay_ms, _middle(np.array(_THRESHOLDS)[gains == gains.max()]))


def _middle(equal: NDArray[np.float64]) -> float:
    """Of values that do equally well: one from the middle, far from where they begin to do worse."""
    return float(equal[len(equal) // 2])


def _errors_cents(
    known: Sequence[tuple[PitchTrack, Frames]], stream: StreamConfig, delay_ms: float
) -> NDArray[np.float64]:
    errors = [np.empty(0)]
    for track, frames in known:
        hz = reference_hz(track, len(frames), stream, delay_ms)
        cents = 1200 * np.abs(np.log2(semitones_to_hz(frames.pitch_semitones)[hz > 0] / hz[hz > 0]))
        errors.append(np.fmin(cents, _WORST_CENTS))  # also where it is no number
    return np.concatenate(errors)


def accuracy(hz: NDArray[np.float64], frames: Frames, threshold: float) -> PitchAccuracy | None:
    """hz: (frames,) known f0, 0 where unvoiced. None without frames, or where a pitch or confidence is not finite.

    Where a program returns no confidence, what is told of voicing is null."""
    silent = "confidence" in frames.absent
    confidence = np.ones_like(frames.confidence) if silent else frames.confidence
    if not len(hz) or not (np.isfinite(frames.pitch_semitones).all() and np.isfinite(confidence).all()):
        return None
    voiced = hz > 0
    heard = (confidence >= threshold).astype(float)
    estimated_cents = mir_eval.melody.hz2cents(semitones_to_hz(frames.pitch_semitones))
    melody = (voiced.astype(float), mir_eval.melody.hz2cents(hz), heard, estimated_cents)
    recall, false_alarm = mir_eval.melody.voicing_measures(melody[0], heard)
    nulls = {}
    if not voiced.any():
        nulls = dict.fromkeys(("rpa50", "rca50", "voicing_recall"), "no frame is voiced")
    elif voiced.all():
        nulls = {"voicing_false_alarm": "every frame is voiced"}
    if silent:
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
    """Both sides of all scored clips whose f0 is known, pooled; null with the reason where there is none."""
    nulls = {}
    if alignment.delay_ms is None:
        nulls["delay_ms"] = "no calibration clip has a known, voiced f0"
    if alignment.best_threshold is None:
        nulls["best_threshold"] = "the calibration clips do not have both voiced and unvoiced frames of known f0"
    known = [at for at, clip in enumerate(clips) if clip.f0 is not None] if alignment.delay_ms is not None else []
    hz = [reference_hz(clips[at].f0, len(baseline[at]), stream, alignment.delay_ms or 0) for at in known]  # type: ignore[arg-type]
    pooled = np.concatenate([np.empty(0), *hz])
    scores: dict[str, PitchAccuracy | None] = {}
    for at_threshold, suffix in ((threshold, ""), (alignment.best_threshold, "_at_best")):
        for side, rolls in (("baseline", baseline), ("variant", variant)):
            name = side + suffix
            score = None
            if known and at_threshold is not None:
                frames = [rolls[at] for at in known]
                score = accuracy(pooled, concat_frames(frames), at_threshold)
            scores[name] = score
            if score is None:
                nulls[name] = _null_reason(clips, alignment, at_threshold)
    ends = [score.rpa50 if score else None for score in (scores["baseline"], scores["variant"])]
    change = ends[1] - ends[0] if ends[0] is not None and ends[1] is not None else None
    if change is None:
        nulls["rpa50_change"] = nulls.get("baseline") or nulls.get("variant") or "no frame is voiced"
    return Truth(
        clips=tuple(clips[at].name for at in known),
        frames=len(pooled),
        voiced_frames=int((pooled > 0).sum()),
        delay_ms=alignment.delay_ms,
        threshold=threshold,
        rpa50_change=change,
        best_threshold=alignment.best_threshold,
        null_reasons=nulls,
        **scores,
    )


def _null_reason(clips: Sequence[Clip], alignment: Alignment, threshold: float | None) -> str:
    if all(clip.f0 is None for clip in clips):
        return "no scored clip has a known f0"
    if alignment.delay_ms is None:
        return "the delay is not known, as no calibration clip has a known, voiced f0"
    return "there is no best threshold" if threshold is None else "a pitch or confidence is not finite"
