"""The measured delay of a stream: a tone steps between two pitches, and the delay is the time to the new pitch.

A frame is available at the end of its chunk, so that is its time. The steps are spread evenly within a chunk, so the
median delay includes the mean wait for a chunk to fill, which is half a chunk. The delay expected from geometry is
therefore `latency.algorithmic_ms` and half a chunk. The measured one can differ: if `mirror` pads the window's future
with zeros, the weight of the window lies before its middle.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.measure.tones.both_sides import BothSides
from workbench.recipe.stream_config import StreamConfig
from workbench.record_model import RecordModel
from workbench.runtime.session import Floats, Frames
from workbench.units import ceil_div, semitones_to_hz

_PITCHES = (57.0, 61.0)  # 220 and 277 Hz: in every singer's range, and no harmonic of one is near one of the other
_HARMONICS, _LEVEL = 8, 0.2
_STEPS, _MIN_FOLLOWED = 16, 12  # a stream that follows only steps upwards, or at random, follows fewer
_STRIDE = 7  # coprime to _STEPS, so that the steps visit every position within a chunk, half of them upwards
_HELD_S = 0.4  # longer than the analysis window at every rate


class StepDelay(RecordModel):
    """How long a stream takes to follow a step of the pitch.

    A delay is the time from the step to the end of the first chunk that returns the new pitch and keeps it.
    A step is followed if the last frame before it is nearer to the old pitch, and the last frame before the next step
    nearer to the new one. All delays are null if fewer than 12 of the 16 steps are followed.

    Attributes:
        delay_ms: The median over the steps that were followed.
        shortest_ms: The shortest of them.
        longest_ms: The longest of them.
        followed: How many steps were followed.
        steps: All steps.
    """

    delay_ms: float | None
    shortest_ms: float | None
    longest_ms: float | None
    followed: int
    steps: int


class Delay(BothSides[StepDelay]):
    """The measured delay of both sides, in the smallest calls."""


@dataclass(frozen=True)
class Staircase:
    """A tone whose pitch steps up and down.

    `samples` (n,) float32 has the pitch `semitones` (n,); the pitch steps at the samples `onsets`.
    """

    samples: Floats
    semitones: NDArray[np.float64]
    onsets: NDArray[np.int64]


def pitch_step_signal(stream: StreamConfig) -> Staircase:
    """Returns a tone of harmonics that alternates between two pitches. Its phase is continuous at every step."""
    rate_hz, chunk_samples = stream.sample_rate_hz, stream.chunk_samples
    held_samples = max(ceil_div(round(_HELD_S * rate_hz), chunk_samples), 4) * chunk_samples
    positions = (2 * (np.arange(_STEPS) * _STRIDE % _STEPS) + 1) * chunk_samples // (2 * _STEPS)
    onsets = (np.arange(_STEPS) + 1) * held_samples + positions
    count = (_STEPS + 1) * held_samples + chunk_samples
    up = np.searchsorted(onsets, np.arange(count), side="right") % 2
    semitones = np.asarray(_PITCHES)[up]
    phase_rad = 2 * np.pi * np.cumsum(semitones_to_hz(semitones)) / rate_hz
    highest = min(_HARMONICS, int(rate_hz / 2.2 / semitones_to_hz(semitones).max()))
    sound = sum(np.sin(harmonic * phase_rad) / harmonic for harmonic in range(1, highest + 1))
    return Staircase(np.asarray(_LEVEL * sound, np.float32), semitones, onsets)


def step_delay(frames: Frames, staircase: Staircase, stream: StreamConfig) -> StepDelay:
    """Measures the delay of a session from its frames over the whole tone."""
    chunk = np.arange(len(frames)) // stream.frames_per_chunk
    available = (chunk + 1) * stream.chunk_samples  # the sample at which a frame is available
    ends = np.append(staircase.onsets[1:], len(staircase.samples))
    delays_ms = []
    for onset, end in zip(staircase.onsets, ends, strict=True):
        old, new = staircase.semitones[onset - 1], staircase.semitones[onset]
        half_step = abs(new - old) / 2
        at_new = np.abs(frames.pitch_semitones - new) < half_step  # False for a pitch that is not finite
        during = np.flatnonzero((available >= onset) & (available <= end))
        before = np.flatnonzero(available < onset)[-1]
        at_old_before = abs(frames.pitch_semitones[before] - old) < half_step
        if not at_old_before or not at_new[during[-1]]:
            continue
        not_yet = during[~at_new[during]]
        first = not_yet[-1] + 1 if len(not_yet) else during[0]
        delays_ms.append(1000.0 * (available[first] - onset) / stream.sample_rate_hz)
    steps, followed = len(staircase.onsets), len(delays_ms)
    if followed < _MIN_FOLLOWED:
        names = ("delay_ms", "shortest_ms", "longest_ms")
        nulls = dict.fromkeys(
            names, f"the pitch follows {followed} of {steps} steps (at least {_MIN_FOLLOWED} required)"
        )
        return StepDelay(**dict.fromkeys(names), followed=followed, steps=steps, null_reasons=nulls)
    return StepDelay(
        delay_ms=float(np.median(delays_ms)),
        shortest_ms=float(min(delays_ms)),
        longest_ms=float(max(delays_ms)),
        followed=followed,
        steps=steps,
    )
