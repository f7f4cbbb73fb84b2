"""Baseline and variant against the known f0, with mir_eval's melody metrics, at the frames' own times.

An estimate is late: it is due when its chunk ends and speaks of the audio around the middle of its window. So before
it is held against the truth it is moved back by the delay that fits the calibration clips best.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import mir_eval
import numpy as np
from numpy.typing import NDArray

from workbench.audio.files import Clip, PitchTrack
from workbench.model.stream import Stream
from workbench.runtime.session import Frames, frame_end_s, join
from workbench.section import Section
from workbench.units import semitones_to_hz

_LONGEST_DELAY_MS = 200
_DELAY_STEP_MS = 1.0
_WORST_CENTS = 100.0  # an octave error says nothing about the delay
_THRESHOLDS = np.arange(1, 100) / 100


class PitchAccuracy(Section):
    """mir_eval.melody over frames whose f0 is known: raw pitch and chroma accuracy within 50 cents (voiced or not in
    the estimate's opinion), then voicing at the threshold. `voicing_recall` is the share of sung frames that it keeps.
    """

    rpa50: float | None
    rca50: float | None
    voicing_recall: float | None
    voicing_false_alarm: float | None
    overall: float | None


class Truth(Section):
    """What the known f0 says. `best_threshold` has the largest recall less false alarms on the calibration clips."""

    clips: tuple[str, ...]
    frames: int
    voiced_frames: int
    delay_ms: float | None
    threshold: float
    baseline: PitchAccuracy | None
    variant: PitchAccuracy | None
    best_threshold: float | None
    baseline_at_best: PitchAccuracy | None
    variant_at_best: PitchAccuracy | None


@dataclass(frozen=True)
class Alignment:
    """What the calibration clips say of a stream; both None where none of them has a known f0 that is voiced."""

    delay_ms: float | None
    best_threshold: float | None


def reference_hz(track: PitchTrack, count: int, stream: Stream, delay_ms: float) -> NDArray[np.float64]:
    """(count,) hertz of the known f0 at the moments that the frames speak of; 0 where unvoiced."""
    return track.at(frame_end_s(count, stream) - delay_ms / 1000)


def align(pairs: Sequence[tuple[Clip, Frames]], stream: Stream) -> Alignment:
    """Delay and threshold that serve the baseline best on the calibration clips whose f0 is known."""
    known = [(clip.f0, frames) for clip, frames in pairs if clip.f0 is not None]
    delays_ms = np.arange(0, _LONGEST_DELAY_MS + _DELAY_STEP_MS, _DELAY_STEP_MS)
    errors = [_mean_error_cents(known, stream, delay_ms) for delay_ms in delays_ms]
    if not known or np.isnan(errors).all():
        return Alignment(None, None)
    delay_ms = float(delays_ms[int(np.nanargmin(errors))])
    voiced = np.concatenate([reference_hz(track, len(frames), stream, delay_ms) for track, frames in known]) > 0
    confidence = np.concatenate([frames.confidence for _, frames in known])
    if voiced.all():
        return Alignment(delay_ms, None)
    gains = [(confidence[voiced] >= t).mean() - (confidence[~voiced] >= t).mean() for t in _THRESHOLDS]
    return Alignment(delay_ms, float(_THRESHOLDS[int(np.argmax(gains))]))


def _mean_error_cents(known: Sequence[tuple[PitchTrack, Frames]], stream: Stream, delay_ms: float) -> float:
    errors = [np.empty(0)]
    for track, frames in known:
        hz = reference_hz(track, len(frames), stream, delay_ms)
        cents = 1200 * np.abs(np.log2(semitones_to_hz(frames.pitch_semitones)[hz > 0] / hz[hz > 0]))
        errors.append(np.minimum(cents, _WORST_CENTS))
    joined = np.concatenate(errors)
    return float(joined.mean()) if joined.size else float("nan")


def accuracy(hz: NDArray[np.float64], frames: Frames, threshold: float) -> PitchAccuracy | None:
    """hz: (frames,) known f0, 0 where unvoiced. None where no frame is voiced or a pitch is not finite."""
    voiced = hz > 0
    pitch_hz = semitones_to_hz(frames.pitch_semitones)
    if not voiced.any() or not np.isfinite(pitch_hz).all():
        return None
    heard = (frames.confidence >= threshold).astype(float)
    cents, estimated_cents = mir_eval.melody.hz2cents(hz), mir_eval.melody.hz2cents(pitch_hz)
    melody = (voiced.astype(float), cents, heard, estimated_cents)
    recall, false_alarm = mir_eval.melody.voicing_measures(melody[0], heard)
    return PitchAccuracy(
        rpa50=float(mir_eval.melody.raw_pitch_accuracy(*melody)),
        rca50=float(mir_eval.melody.raw_chroma_accuracy(*melody)),
        voicing_recall=float(recall),
        voicing_false_alarm=None if voiced.all() else float(false_alarm),
        overall=float(mir_eval.melody.overall_accuracy(*melody)),
        null_reasons={"voicing_false_alarm": "every frame is voiced"} if voiced.all() else {},
    )


def truth(
    clips: Sequence[Clip],
    baseline: Sequence[Frames],
    variant: Sequence[Frames],
    stream: Stream,
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
                score = accuracy(pooled, join(frames), at_threshold)
            scores[name] = score
            if score is None:
                nulls[name] = "no best threshold" if known and at_threshold is None else _why_not(known, pooled)
    return Truth(
        clips=tuple(clips[at].name for at in known),
        frames=len(pooled),
        voiced_frames=int((pooled > 0).sum()),
        delay_ms=alignment.delay_ms,
        threshold=threshold,
        best_threshold=alignment.best_threshold,
        null_reasons=nulls,
        **scores,
    )


def _why_not(known: Sequence[int], hz: NDArray[np.float64]) -> str:
    if not known:
        return "no scored clip has a known f0"
    return "no frame of the scored clips is voiced" if not (hz > 0).any() else "a pitch is not finite"
