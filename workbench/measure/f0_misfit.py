"""Known f0 that does not fit its clip, and what would make it fit: another unit, another octave, another clip.

Nothing is guessed from names. Each explanation is tried: the known f0 is changed as it says, and the frames are counted
on which the baseline's pitch is then within 50 cents.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from workbench.audio.annotations import PitchTrack
from workbench.audio.decode import Clip
from workbench.recipe.stream_config import StreamConfig
from workbench.record_model import RecordModel
from workbench.runtime.session import Frames, frame_end_s
from workbench.units import CENTS_PER_SEMITONE, cents_between, cents_to_hz, hz_to_semitones, semitones_to_hz

_WITHIN_CENTS = 50.0  # as in raw pitch accuracy
_LEAST_SHARE = 0.5  # of the voiced frames: below it the known f0 does not fit, from it on an explanation does
_LEAST_GAIN = 2.0  # times as many frames
_LEAST_FRAMES = 20

_Values = NDArray[np.float64]
_AS_IS = ""
_TIMES: dict[str, float] = {
    _AS_IS: 1.0,
    "its times are seconds": 1e3,
}  # milliseconds as seconds are refused when the file is read
_PITCHES: dict[str, Callable[[_Values], _Values]] = {
    _AS_IS: lambda hz: hz,
    "its values are MIDI notes": semitones_to_hz,
    "its values are hundredths of MIDI notes": lambda values: semitones_to_hz(values / CENTS_PER_SEMITONE),
    "its values are cents above 10 Hz": cents_to_hz,
    "its values are hertz": hz_to_semitones,  # a header named MIDI notes, so that they were converted to hertz
    "it is raised by an octave": lambda hz: 2 * hz,
    "it is lowered by an octave": lambda hz: hz / 2,
}


class F0Misfit(RecordModel):
    """A clip whose known f0 fits the audio only after a change.

    Attributes:
        clip: The clip.
        right_frames: The frames on which the baseline's pitch is within 50 cents of the known f0.
        voiced_frames: The frames in which the known f0 is voiced.
        explanation: The change, as the end of a sentence with "if".
        explained_right_frames: `right_frames` after the change.
        explained_voiced_frames: `voiced_frames` after the change.
    """

    clip: str
    right_frames: int
    voiced_frames: int
    explanation: str
    explained_right_frames: int
    explained_voiced_frames: int

    def __str__(self) -> str:
        """Returns the misfit as one line."""
        return (
            f"the known f0 of {self.clip} agrees with the baseline on {self.right_frames} of {self.voiced_frames} "
            f"voiced frames, but on {self.explained_right_frames} of {self.explained_voiced_frames} if "
            f"{self.explanation}; correct the file"
        )


@dataclass(frozen=True)
class _Agreement:
    right: int
    voiced: int

    @property
    def fits(self) -> bool:
        """Whether the baseline is right on enough frames, and on most of the voiced ones."""
        return self.right >= _LEAST_FRAMES and self.right >= _LEAST_SHARE * self.voiced


def find_misfits(pairs: Sequence[tuple[Clip, Frames]], stream: StreamConfig, delay_ms: float) -> tuple[F0Misfit, ...]:
    """Finds the clips whose known f0 fits only after a change. If several changes help, the one with most right frames.

    Args:
        pairs: The clips, each with the frames of the baseline.
        stream: The stream.
        delay_ms: How far the frames are moved back.
    """
    known = [(clip, clip.f0, frames) for clip, frames in pairs if clip.f0 is not None and (clip.f0.hz > 0).any()]
    misfits = []
    for clip, f0, frames in known:
        own = _agreement(f0, frames, stream, delay_ms)
        if own.fits:
            continue
        others = [(other.name, its_f0, its_frames) for other, its_f0, its_frames in known if other is not clip]
        tried = [
            (explanation, _agreement(track, compared, stream, delay_ms))
            for explanation, track, compared in _explanations(f0, frames, others)
        ]
        explanation, best = max(tried, key=lambda each: each[1].right)  # of equal ones the first
        if best.fits and best.right >= _LEAST_GAIN * own.right:
            misfits.append(
                F0Misfit(
                    clip=clip.name,
                    right_frames=own.right,
                    voiced_frames=own.voiced,
                    explanation=explanation,
                    explained_right_frames=best.right,
                    explained_voiced_frames=best.voiced,
                )
            )
    return tuple(misfits)


def _explanations(
    f0: PitchTrack, frames: Frames, others: Sequence[tuple[str, PitchTrack, Frames]]
) -> Iterator[tuple[str, PitchTrack, Frames]]:
    """Yields each explanation with the f0 and the frames to compare; simple ones come first."""
    for name, _, its_frames in others:
        yield f"it belongs to {name}", f0, its_frames
    for name, its_f0, _ in others:
        yield f"it is replaced by that of {name}", its_f0, frames
    changes = sorted(product(_TIMES, _PITCHES), key=lambda change: change.count(_AS_IS), reverse=True)
    for times, pitches in changes[1:]:
        yield " and ".join(filter(None, (times, pitches))), _changed(f0, _TIMES[times], _PITCHES[pitches]), frames


def _changed(f0: PitchTrack, scale: float, to_hz: Callable[[_Values], _Values]) -> PitchTrack:
    voiced, hz = f0.hz > 0, np.zeros_like(f0.hz)
    with np.errstate(over="ignore"):
        hz[voiced] = to_hz(f0.hz[voiced])
    return PitchTrack(scale * f0.times_s, np.where(np.isfinite(hz) & (hz > 0), hz, 0.0))


def _agreement(f0: PitchTrack, frames: Frames, stream: StreamConfig, delay_ms: float) -> _Agreement:
    hz = f0.at(frame_end_s(len(frames), stream) - delay_ms / 1000)
    voiced = hz > 0
    cents = cents_between(frames.pitch_semitones[voiced], hz_to_semitones(hz[voiced]))
    return _Agreement(int((np.abs(cents) <= _WITHIN_CENTS).sum()), int(voiced.sum()))  # NaN is not within
