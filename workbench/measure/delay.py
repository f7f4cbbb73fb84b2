"""How late a stream's answer is, measured: a tone that steps between two pitches at known samples, and the moment from
which the stream's pitch is nearer to the new one.

The moment of an answer is the end of its chunk, before which no frame of it can be had. The steps fall on evenly spread
places within a chunk, so that the median holds the mean wait for the chunk to fill: half a chunk. What geometry expects
is therefore `latency.algorithmic_ms` and half a chunk. A measured delay may well be another: where `mirror` pads the
window's future with zeros, its weight lies before its middle.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.recipe.stream_config import StreamConfig
from workbench.record_model import RecordModel
from workbench.runtime.session import Floats, Frames, Session, run_chunks
from workbench.units import semitones_to_hz

_PITCHES = (57.0, 61.0)  # 220 and 277 Hz: in every singer's range, and no harmonic of one is near one of the other
_HARMONICS, _LEVEL = 8, 0.2
_STEPS, _MUST_FOLLOW = 16, 12  # one that follows only upwards, or by chance, follows fewer
_STRIDE = 7  # the order of the places: coprime to _STEPS, so that each place has its turn, half of them upwards
_HELD_S = 0.4  # longer than the analysis window, at any rate


class StepDelay(RecordModel):
    """Milliseconds from a step in the tone to the end of the chunk that answers with the new pitch and keeps to it:
    median over the steps that the stream followed, and the shortest and longest of them."""

    delay_ms: float | None
    shortest_ms: float | None
    longest_ms: float | None
    followed: int
    steps: int


@dataclass(frozen=True)
class Staircase:
    """`samples` (n,) float32 of a tone whose pitch is `semitones` (n,); it steps at the samples `onsets`."""

    samples: Floats
    semitones: NDArray[np.float64]
    onsets: NDArray[np.int64]


def pitch_step_signal(stream: StreamConfig) -> Staircase:
    """A tone that goes up and down between two pitches, its phase running on through every step."""
    held = round(_HELD_S * stream.sample_rate_hz)
    held_chunks = max(-(-held // stream.chunk_samples), 4)
    places = (2 * (np.arange(_STEPS) * _STRIDE % _STEPS) + 1) * stream.chunk_samples // (2 * _STEPS)
    onsets = (np.arange(_STEPS) + 1) * held_chunks * stream.chunk_samples + places
    count = int((_STEPS + 1) * held_chunks * stream.chunk_samples + stream.chunk_samples)
    up = np.searchsorted(onsets, np.arange(count), side="right") % 2
    semitones = np.asarray(_PITCHES)[up]
    phase_rad = 2 * np.pi * np.cumsum(semitones_to_hz(semitones)) / stream.sample_rate_hz
    top = min(_HARMONICS, int(stream.sample_rate_hz / 2.2 / semitones_to_hz(semitones).max()))
    sound = sum(np.sin(n * phase_rad) / n for n in range(1, top + 1))
    return Staircase(np.asarray(_LEVEL * sound, np.float32), semitones, onsets)


def onset(session: Session) -> StepDelay:
    """Drive the session through the staircase and measure. Null with the reason where it follows too few steps."""
    steps = pitch_step_signal(session.stream)
    return onset_of(run_chunks(session, steps.samples), steps, session.stream)


def onset_of(frames: Frames, steps: Staircase, stream: StreamConfig) -> StepDelay:
    """`frames` are the session's over the whole staircase.

    A step counts as followed where the last frame before it is nearer to the old pitch and the last before the next
    step nearer to the new one. Fewer than 12 of 16 are no measurement.
    """
    chunk = np.arange(len(frames)) // stream.frames_per_chunk
    answered = (chunk + 1) * stream.chunk_samples  # the sample count at which a frame is there
    ends = np.append(steps.onsets[1:], len(steps.samples))
    delays_ms = []
    for onset, end in zip(steps.onsets, ends, strict=True):
        old, new = steps.semitones[onset - 1], steps.semitones[onset]
        arrived = np.abs(frames.pitch_semitones - new) < abs(new - old) / 2  # False for what is not finite
        during = np.flatnonzero((answered >= onset) & (answered <= end))
        before = np.flatnonzero(answered < onset)[-1]
        kept_old = abs(frames.pitch_semitones[before] - old) < abs(new - old) / 2
        if not kept_old or not arrived[during[-1]]:
            continue
        late = during[~arrived[during]]
        first = during[0] if not len(late) else late[-1] + 1
        delays_ms.append(1000.0 * (answered[first] - onset) / stream.sample_rate_hz)
    followed = len(delays_ms)
    if followed < _MUST_FOLLOW:
        reason = f"the pitch follows {followed} of {len(steps.onsets)} steps of a tone"
        names = ("delay_ms", "shortest_ms", "longest_ms")
        nulls = dict.fromkeys(names, reason)
        return StepDelay(**dict.fromkeys(names), followed=followed, steps=len(steps.onsets), null_reasons=nulls)
    return StepDelay(
        delay_ms=float(np.median(delays_ms)),
        shortest_ms=float(min(delays_ms)),
        longest_ms=float(max(delays_ms)),
        followed=followed,
        steps=len(steps.onsets),
    )
