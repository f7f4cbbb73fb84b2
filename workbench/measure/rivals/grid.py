"""Estimates of different hops on one time grid, and their accuracy there."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.audio.annotations import PitchTrack, TruthKind
from workbench.measure.truth import PitchAccuracy, accuracy
from workbench.rivals.rival import Estimate
from workbench.runtime.session import Frames
from workbench.units import hz_to_semitones

GRID_S = 0.01
"""The distance of the moments at which every tracker is scored."""
_SAME_NOTE_SEMITONES = 1.0  # between frames that are further apart there is a jump, not a glide
_OWN_DECISION = 0.5  # a threshold between the scores 0 and 1 that stand for a tracker's own decision
_NO_PITCH_SEMITONES = 0.0  # 8 Hz, below every voice: wrong in every voiced frame


@dataclass(frozen=True, eq=False)
class OnGrid:
    """The known f0 of clips at the moments of the grid, (n,) hertz as `PitchTrack.at`, and an estimate there.

    `pitch_semitones`, `voiced` and `voicing` are (n,); `voicing` is None if the tracker returns no score.
    """

    known_hz: NDArray[np.float64]
    pitch_semitones: NDArray[np.float64]
    voiced: NDArray[np.bool_]
    voicing: NDArray[np.float64] | None

    def accuracy(self, threshold: float | None) -> PitchAccuracy | None:
        """Returns the accuracy at a threshold of the score, or by the tracker's own decision if it is None.

        None if no moment has a known f0.
        """
        score = self.voiced.astype(float) if threshold is None else self.voicing
        assert score is not None
        pitch = self.pitch_semitones.astype(np.float32)
        frames = Frames(pitch, score.astype(np.float32), np.zeros_like(pitch))
        return accuracy(self.known_hz, frames, _OWN_DECISION if threshold is None else threshold)


def on_grid(track: PitchTrack, estimate: Estimate, delay_ms: float, duration_s: float) -> OnGrid:
    """Returns an estimate at the moments of the grid.

    Between two frames that are less than a semitone apart the pitch is linear in semitones; elsewhere, as everywhere
    for voicing, the nearest frame decides. Moments further than one hop from every frame are unvoiced.

    Args:
        track: The known f0 of the clip.
        estimate: The estimate of the whole clip.
        delay_ms: How far the frames are moved back first.
        duration_s: The length of the clip.
    """
    grid_s = np.arange(0, duration_s, GRID_S)
    times_s = estimate.times_s - delay_ms / 1000
    right = np.clip(np.searchsorted(times_s, grid_s), 1, len(times_s) - 1)
    nearest = np.where(grid_s - times_s[right - 1] < times_s[right] - grid_s, right - 1, right)
    reached = np.abs(times_s[nearest] - grid_s) <= np.median(np.diff(times_s))

    frames = hz_to_semitones(estimate.hz)
    semitones = frames[nearest]
    glides = np.abs(frames[right] - frames[right - 1]) < _SAME_NOTE_SEMITONES  # False if one has no pitch
    glides &= (grid_s >= times_s[right - 1]) & (grid_s <= times_s[right])
    known = np.isfinite(frames)
    if known.any():
        semitones = np.where(glides, np.interp(grid_s, times_s[known], frames[known]), semitones)
    score = None if estimate.voicing is None else np.where(reached, estimate.voicing[nearest], 0.0)
    return OnGrid(
        track.at(grid_s), np.nan_to_num(semitones, nan=_NO_PITCH_SEMITONES), estimate.voiced[nearest] & reached, score
    )


def pooled(parts: Sequence[OnGrid]) -> OnGrid:
    """Returns the moments of several clips, at least one, as those of one."""
    scores = [part.voicing for part in parts if part.voicing is not None]
    return OnGrid(
        np.concatenate([part.known_hz for part in parts]),
        np.concatenate([part.pitch_semitones for part in parts]),
        np.concatenate([part.voiced for part in parts]),
        np.concatenate(scores) if len(scores) == len(parts) else None,
    )


def kinds_of(tracks: Sequence[PitchTrack]) -> list[TruthKind]:
    """Returns the kinds of truth of the clips, each once, in the order of the clips."""
    return list(dict.fromkeys(track.kind for track in tracks))
