"""When a frame describes the audio: the delay, and the voicing threshold, that fit the calibration clips best.

A frame is available when its chunk ends, but it describes the audio around the middle of its window. Before it is
compared with the known f0, it is therefore moved back by this delay.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.audio.annotations import TRUTH_KINDS, PitchTrack
from workbench.audio.decode import Clip
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.session import Frames, frame_end_s
from workbench.units import semitones_to_hz

Hertz = NDArray[np.float64]

_LONGEST_DELAY_MS = 200
_DELAY_STEP_MS = 1.0
_MAX_ERROR_CENTS = 100.0  # a larger error is capped: an octave error says nothing about the delay
THRESHOLDS = [percent / 100 for percent in range(1, 100)]
"""The confidences that are tried. Plain floats: they compare as float32, like confidence."""


@dataclass(frozen=True)
class Alignment:
    """The delay and the threshold fitted to the calibration clips. A field is None if that of `Truth` is null."""

    delay_ms: float | None
    best_threshold: float | None


@dataclass(frozen=True, eq=False)
class TimedPitch:
    """An estimate of a clip: (n,) seconds, (n,) hertz (0 without a pitch), and (n,) scores of voicing if there are."""

    times_s: NDArray[np.float64]
    hz: Hertz
    voicing: NDArray[np.floating] | None


def reference_hz(track: PitchTrack, count: int, stream: StreamConfig, delay_ms: float) -> Hertz:
    """Returns (count,) hertz: the known f0 at the moments that the frames describe; 0 if unvoiced, NaN if unknown."""
    return track.at(frame_end_s(count, stream) - delay_ms / 1000)


def fit_alignment(pairs: Sequence[tuple[Clip, Frames]], stream: StreamConfig) -> Alignment:
    """Finds the delay and the threshold that fit the baseline best on the calibration clips whose f0 is known.

    Kinds of truth are not mixed: clips of the first kind in TRUTH_KINDS that has a voiced clip are taken.

    Args:
        pairs: Calibration clips, each with the frames of the baseline.
        stream: The stream. No delay is negative: a frame needs the audio that it describes.
    """
    known = [
        (
            clip.f0,
            TimedPitch(frame_end_s(len(frames), stream), semitones_to_hz(frames.pitch_semitones), frames.confidence),
        )
        for clip, frames in of_one_kind(pairs)
        if clip.f0 is not None
    ]
    return fit_timed(known, shortest_delay_ms=0)


def fit_timed(known: Sequence[tuple[PitchTrack, TimedPitch]], shortest_delay_ms: int) -> Alignment:
    """Finds the delay and the threshold that fit the estimates of several clips best.

    The best delay has the least sum of absolute pitch errors, each at most 100 cents, over a grid of 1 ms. The best
    threshold has the largest recall less false alarms, over a grid of 0.01. Of equal ones, the middle one is taken.

    Args:
        known: The known f0 of each clip, all of one kind of truth, and its estimate.
        shortest_delay_ms: The least delay that is tried. A tracker that assigns its frames to the middle of their
            windows may assign them a little early.
    """
    delays_ms = np.arange(shortest_delay_ms, _LONGEST_DELAY_MS + _DELAY_STEP_MS, _DELAY_STEP_MS)
    errors = [_errors_cents(known, delay_ms) for delay_ms in delays_ms]
    max_frames = max(map(len, errors), default=0)
    if not max_frames:
        return Alignment(None, None)
    # A frame that a delay moves out of the voiced part counts as wrong. Otherwise the longest delay would have the
    # fewest errors.
    totals = np.array([error.sum() + _MAX_ERROR_CENTS * (max_frames - len(error)) for error in errors])
    delay_ms = middle(delays_ms[totals == totals.min()])
    hz = np.concatenate([track.at(pitch.times_s - delay_ms / 1000) for track, pitch in known])
    if any(pitch.voicing is None for _, pitch in known):
        return Alignment(delay_ms, None)
    voicing = np.concatenate([pitch.voicing for _, pitch in known])[~np.isnan(hz)]
    voiced = hz[~np.isnan(hz)] > 0
    if voiced.all() or not voiced.any():
        return Alignment(delay_ms, None)
    gains = np.array([(voicing[voiced] >= t).mean() - (voicing[~voiced] >= t).mean() for t in THRESHOLDS])
    return Alignment(delay_ms, middle(np.array(THRESHOLDS)[gains == gains.max()]))


def of_one_kind(pairs: Sequence[tuple[Clip, Frames]]) -> list[tuple[Clip, Frames]]:
    """Returns the clips of the first kind of truth that has a voiced one; none if there is none."""
    kinds = {clip.f0.kind for clip, _ in pairs if clip.f0 is not None and (clip.f0.hz > 0).any()}
    first = next((kind for kind in TRUTH_KINDS if kind in kinds), None)
    return [(clip, frames) for clip, frames in pairs if clip.f0 is not None and clip.f0.kind == first]


def middle(equal: NDArray[np.float64]) -> float:
    """Returns one from the middle of (n,) equally good values, which is far from the worse ones on both sides."""
    return float(equal[len(equal) // 2])


def _errors_cents(known: Sequence[tuple[PitchTrack, TimedPitch]], delay_ms: float) -> NDArray[np.float64]:
    """Returns the absolute pitch errors of the frames that are voiced in truth, at most 100 cents each."""
    errors = [np.empty(0)]
    for track, pitch in known:
        hz = track.at(pitch.times_s - delay_ms / 1000)
        with np.errstate(divide="ignore"):  # a frame without a pitch is at 0 Hz, infinitely far off
            cents = 1200 * np.abs(np.log2(pitch.hz[hz > 0] / hz[hz > 0]))
        errors.append(np.fmin(cents, _MAX_ERROR_CENTS))  # fmin: a pitch that is not finite counts as wrong
    return np.concatenate(errors)
