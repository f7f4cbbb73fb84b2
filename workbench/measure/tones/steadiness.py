"""How steady a stream is: its error on rendered tones and slow glides, whose f0 is known exactly.

The deviation does not show this, because the baseline is as unsteady. At mirror 1 half of the window is zeros, and
the estimate of a low tone then moves with the position of the tone's periods in the window.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import soxr
from numpy.typing import NDArray

from workbench.audio.synth_manifest import RENDER_RATE_HZ, Glide, Tones
from workbench.measure.tones.both_sides import BothSides
from workbench.measure.tones.delay import StepDelay, pitch_step_signal, step_delay
from workbench.recipe.stream_config import StreamConfig
from workbench.record_model import RecordModel
from workbench.runtime.session import Floats, Frames, frame_end_s
from workbench.units import cents_between, hz_to_semitones

# E2 to G5. Upstream's bins are a third of a semitone apart: in steps of 4.4 semitones, five tones are spread evenly
# between two bins. The last four are pure tones.
_TONES = tuple(40 + 4.4 * number for number in range(10))
_PURE_TONES = (57.0, 61.4, 65.8, 70.2)
_GLIDES = ((46.0, 49.0, 46.0), (62.0, 65.0, 62.0))  # turns in semitones
_NOTE_S, _GAP_S, _LEG_S = 0.5, 0.02, 1.0
_HARMONICS, _LEVEL_DBFS = 8, -20.0
_SETTLED_S = 0.25  # longer than the analysis window and the delay at every rate
_JUMP_CENTS = 50.0

_Seconds = NDArray[np.float64]


class PitchErrors(RecordModel):
    """The error of the estimates against the known f0, in cents, over all frames whose window has one sound only.

    All figures but `frames` are null if there is no such frame, or if a pitch is not finite. `std_cents` is also null
    if every error is above 50 cents.

    Attributes:
        frames: The number of frames.
        std_cents: The standard deviation of the errors, of tones around the mean of their own tone: how far a steady
            tone moves. Frames whose error is above 50 cents are left out.
        p95_cents: The 95th percentile of the absolute errors.
        bias_cents: The median of the signed errors.
        over_50_cents_rate: The share of frames whose absolute error is above 50 cents.
    """

    frames: int
    std_cents: float | None
    p95_cents: float | None
    bias_cents: float | None
    over_50_cents_rate: float | None


class SideSteadiness(RecordModel):
    """The errors of one side.

    Attributes:
        tones: The errors on steady tones.
        glides: The errors on slow glides, after the measured delay. Null if there is no measured delay.
    """

    tones: PitchErrors
    glides: PitchErrors | None


class Steadiness(BothSides[SideSteadiness]):
    """The errors of both sides on tones and glides with a known f0."""


@dataclass(frozen=True, eq=False)
class SteadySounds:
    """Tones and glides one after another.

    `samples` (n,) float32 are at the rate of the stream. `semitones` (m,) is the known pitch at RENDER_RATE_HZ, NaN
    where unvoiced, and `sound` (m,) the number of the tone or glide. Those below `tones` are tones.
    """

    samples: Floats
    semitones: NDArray[np.float64]
    sound: NDArray[np.int64]
    tones: int

    def at(self, times_s: _Seconds) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Returns the pitch (frames,), NaN where unvoiced or outside, and the number of the sound, -1 outside."""
        index = np.round(times_s * RENDER_RATE_HZ).astype(np.int64)
        inside = (index >= 0) & (index < len(self.sound))
        index = np.clip(index, 0, len(self.sound) - 1)
        return np.where(inside, self.semitones[index], np.nan), np.where(inside, self.sound[index], -1)


@cache
def steady_sounds(sample_rate_hz: int) -> SteadySounds:
    """Renders the tones and the glides, and resamples them."""
    note = {"note_s": _NOTE_S, "gap_s": _GAP_S, "level_dbfs": _LEVEL_DBFS}
    leg = {"leg_s": _LEG_S, "level_dbfs": _LEVEL_DBFS, "harmonics": _HARMONICS}
    entries: list[Tones | Glide] = [
        *(
            Tones(kind="tones", name="tone", notes=(semitones,), harmonics=harmonics, **note)
            for harmonics, tones in ((_HARMONICS, _TONES), (1, _PURE_TONES))
            for semitones in tones
        ),
        *(Glide(kind="glide", name="glide", turns=turns, **leg) for turns in _GLIDES),
    ]
    from workbench.audio.synth import render  # imports scipy, and a record is read without it

    rendered = [render(entry) for entry in entries]
    hz = np.concatenate([sound.f0_hz for sound in rendered])
    samples = np.concatenate([sound.samples for sound in rendered])
    if sample_rate_hz != RENDER_RATE_HZ:
        samples = soxr.resample(samples, RENDER_RATE_HZ, sample_rate_hz, quality="VHQ")
    return SteadySounds(
        samples=samples.astype(np.float32),
        semitones=hz_to_semitones(np.where(hz > 0, hz, np.nan)),
        sound=np.repeat(np.arange(len(rendered)), [len(sound.samples) for sound in rendered]),
        tones=len(_TONES) + len(_PURE_TONES),
    )


def rendered_samples(stream: StreamConfig) -> tuple[Floats, Floats]:
    """Returns the tone that steps between two pitches, and the steady tones and glides, at the rate of the stream."""
    return pitch_step_signal(stream).samples, steady_sounds(stream.sample_rate_hz).samples


def side_figures(frames: Sequence[Frames], stream: StreamConfig) -> tuple[StepDelay, SideSteadiness]:
    """Returns the delay and the steadiness of one side from its frames over `rendered_samples`, in smallest calls."""
    delay = step_delay(frames[0], pitch_step_signal(stream), stream)
    return delay, side_steadiness(frames[1], stream, delay)


def side_steadiness(frames: Frames, stream: StreamConfig, delay: StepDelay) -> SideSteadiness:
    """Returns the errors of one side.

    Args:
        frames: Its frames over `steady_sounds`, in the smallest calls.
        stream: The stream.
        delay: Its measured delay. Glides are compared after it, without the mean wait for a chunk to fill.
    """
    sounds = steady_sounds(stream.sample_rate_hz)
    end_s = frame_end_s(len(frames), stream)
    (at_start, first), (at_end, last) = sounds.at(end_s - _SETTLED_S), sounds.at(end_s)
    settled = (first == last) & np.isfinite(at_start) & np.isfinite(at_end)
    tone = settled & (last < sounds.tones)
    tones = pitch_errors(cents_between(frames.pitch_semitones, at_end)[tone], last[tone])
    if delay.delay_ms is None:
        return SideSteadiness(tones=tones, glides=None, null_reasons={"glides": delay.null_reasons["delay_ms"]})
    described, _ = sounds.at(end_s - (delay.delay_ms - stream.chunk_ms / 2) / 1000)
    glide = settled & (last >= sounds.tones)
    glides = cents_between(frames.pitch_semitones, described)[glide]
    return SideSteadiness(tones=tones, glides=pitch_errors(glides, np.zeros(len(glides), np.int64)))


def pitch_errors(signed_cents: NDArray[np.float64], group: NDArray[np.int64]) -> PitchErrors:
    """Returns the figures of signed errors (frames,); the standard deviation is around the mean of each group."""
    frames = len(signed_cents)
    if not frames or not np.isfinite(signed_cents).all():
        reason = "a pitch is not finite" if frames else "no frame"
        nulls = dict.fromkeys(("std_cents", "p95_cents", "bias_cents", "over_50_cents_rate"), reason)
        return PitchErrors(frames=frames, **dict.fromkeys(nulls), null_reasons=nulls)
    near = np.abs(signed_cents) <= _JUMP_CENTS
    kept, groups = signed_cents[near], group[near]
    around_mean = [kept[groups == each] - kept[groups == each].mean() for each in np.unique(groups)]
    return PitchErrors(
        frames=frames,
        std_cents=float(np.sqrt(np.mean(np.concatenate(around_mean) ** 2))) if near.any() else None,
        p95_cents=float(np.percentile(np.abs(signed_cents), 95)),
        bias_cents=float(np.median(signed_cents)),
        over_50_cents_rate=float((~near).mean()),
        null_reasons={} if near.any() else {"std_cents": "every error is above 50 cents"},
    )
