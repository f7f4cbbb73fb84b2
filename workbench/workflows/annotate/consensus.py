"""The f0 on which several pitch trackers agree, and where they do not agree."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workbench.audio.annotations import PitchTrack

AGREEING = 3  # trackers
WITHIN_CENTS = 50.0  # as in raw pitch accuracy


def consensus(times_s: NDArray[np.float64], tracks: Sequence[PitchTrack]) -> PitchTrack:
    """Returns the f0 on which at least three trackers agree.

    A frame is voiced if the pitches of three trackers lie within 50 cents of each other. Its f0 is the median of the
    largest such group, and of the closest one of its size. A frame is unvoiced if three trackers find no pitch.
    Otherwise its f0 is unknown.

    Args:
        times_s: (n,) moments of the frames.
        tracks: What each tracker found, 0 Hz where it decided that there is no voice.
    """
    hz = np.stack([track.at(times_s) for track in tracks])
    voiced = hz > 0
    # (trackers, n), each column from the lowest pitch to the highest; a tracker without a pitch comes last, as NaN
    cents = np.sort(1200 * np.log2(np.where(voiced, hz, np.nan)), axis=0)
    agreed = np.full(len(times_s), np.nan)
    for size in range(AGREEING, len(tracks) + 1):  # a larger group replaces a smaller one
        closest = np.full(len(times_s), WITHIN_CENTS)
        for first in range(len(tracks) - size + 1):
            group = cents[first : first + size]
            spread = group[-1] - group[0]
            better = spread <= closest  # NaN is not
            agreed = np.where(better, np.median(group, axis=0), agreed)
            closest = np.where(better, spread, closest)
    known_hz = np.where(np.isnan(agreed), np.nan, 2 ** (agreed / 1200))
    return PitchTrack(times_s, np.where((~voiced).sum(axis=0) >= AGREEING, 0.0, known_hz), "consensus")
