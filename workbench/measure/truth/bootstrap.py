"""Bootstrap intervals of shares of frames: what the same measurement on other singing like this would give.

Neighbouring frames are of one note, so they are no independent samples, and resampling frames would give intervals that
are many times too narrow. Whole clips are resampled if there are at least 10. Fewer say nothing about how clips differ;
then seconds of audio are, which are longer than most notes. The interval from seconds does not contain how singers and
rooms differ.

The method is the percentile bootstrap of a ratio of totals (Efron and Tibshirani, An Introduction to the Bootstrap,
1993, section 13.3), with blocks as in Carlstein (1986).
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Resampled = Literal["clips", "seconds"]
Interval = tuple[float, float]

BLOCK_S = 1.0
LEAST_CLIPS, LEAST_UNITS = 10, 5
_RESAMPLES, _SEED = 2000, 24
_ROUNDING = 1e-9  # a frame that ends with a second belongs to it
_INTERVAL_PERCENT = (2.5, 97.5)

Flags = NDArray[np.bool_]
Indices = NDArray[np.intp]


def resampled_units(clip: Indices, time_s: NDArray[np.float64]) -> tuple[Resampled, Indices]:
    """Returns what is resampled, and the number of the unit of each frame, from 0.

    Args:
        clip: (frames,) the clip of each frame.
        time_s: (frames,) when it ends, from the start of its clip.
    """
    if len(np.unique(clip)) >= LEAST_CLIPS:
        return "clips", np.unique(clip, return_inverse=True)[1]
    blocks = np.column_stack([clip, np.ceil(time_s / BLOCK_S - _ROUNDING)])
    return "seconds", np.unique(blocks, axis=0, return_inverse=True)[1].reshape(-1)


def share_intervals(units: Indices, right: NDArray[np.bool_]) -> tuple[Interval, ...] | None:
    """Returns the 95 % intervals of the shares of right frames, and of their differences from the first.

    Every resample takes the same units for all sides, so a difference has the narrower interval of paired samples.

    Args:
        units: (frames,) the number of the unit of each frame, from 0.
        right: (sides, frames) whether a side is right.

    Returns:
        An interval for each side, then one for each side after the first less the first. None with fewer than 5 units.
    """
    count = int(units.max()) + 1 if len(units) else 0
    if count < LEAST_UNITS:
        return None
    frames = np.bincount(units, minlength=count)
    right_frames = np.stack([np.bincount(units, weights=side, minlength=count) for side in right])
    taken = np.random.default_rng(_SEED).multinomial(count, np.full(count, 1 / count), _RESAMPLES)
    shares = (right_frames @ taken.T) / (frames @ taken.T)
    figures = np.concatenate([shares, shares[1:] - shares[0]])
    low, high = np.percentile(figures, _INTERVAL_PERCENT, axis=1)
    return tuple(zip(low.tolist(), high.tolist(), strict=True))
