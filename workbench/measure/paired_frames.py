"""The frames of both sides of a clip, pair by pair: what every comparison starts from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.runtime.session import Frames, concat_frames

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class PairedFrames:
    """The frames of both sides over the same chunks of one clip.

    `voiced` (frames,) marks the frames on which the pitch is compared; `voiced_by` says what they are marked by: the
    known f0 or the baseline's confidence. `known_hz` (frames,) is the known f0 at the moments that the frames describe,
    0 if unvoiced and NaN if unknown; None if the clip has none.
    """

    name: str
    baseline: Frames
    variant: Frames
    voiced: Mask
    voiced_by: str
    known_hz: NDArray[np.float64] | None = None


def pool(clips: Sequence[PairedFrames]) -> PairedFrames:
    """Concatenates the frames of at least one clip, as if they were one clip."""
    return PairedFrames(
        "all clips",
        concat_frames([clip.baseline for clip in clips]),
        concat_frames([clip.variant for clip in clips]),
        np.concatenate([clip.voiced for clip in clips]),
        ", ".join(sorted({clip.voiced_by for clip in clips})),
    )
