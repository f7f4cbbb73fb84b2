"""The known pitch of a clip: f0 at annotated times, and between them; where it is unknown, and how it is known."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.errors import AudioError
from workbench.storage.hashing import sha256_of

TruthKind = Literal["annotated", "consensus", "resynthesis"]
"""How an f0 is known: written by hand or rendered, agreed by trackers, or sung again by a vocoder."""

TRUTH_KINDS: tuple[TruthKind, ...] = get_args(TruthKind)
ANNOTATION_SUFFIX = ".csv"
LONGEST_BRIDGED_GAP_S = 0.05
_SAME_TIME_S = 1e-6


@dataclass(frozen=True, eq=False)
class PitchTrack:
    """The known f0 of a clip.

    Attributes:
        times_s: (n,) float64, n > 0, strictly increasing.
        hz: (n,) float64, 0 where unvoiced, NaN where unknown: neither voiced nor unvoiced, and not scored.
        kind: How the f0 is known.

    Raises:
        AudioError: The arrays have different lengths, a value is infinite, a time is NaN, the times do not increase, or
            a frequency is negative.
    """

    times_s: NDArray[np.float64]
    hz: NDArray[np.float64]
    kind: TruthKind = "annotated"

    def __post_init__(self) -> None:
        times_s, hz = read_only(self.times_s, np.float64), read_only(self.hz, np.float64)
        if times_s.ndim != 1 or times_s.shape != hz.shape or times_s.size == 0:
            raise AudioError(
                f"pitch track: expected one frequency for each time and at least one, got {times_s.shape} times and "
                f"{hz.shape} frequencies"
            )
        if not np.isfinite(times_s).all() or np.isinf(hz).any():
            raise AudioError("pitch track: a time or a frequency is not finite; write 0 Hz where unvoiced")
        if (np.diff(times_s) <= 0).any() or (hz < 0).any():
            raise AudioError("pitch track: expected increasing times and frequencies of at least 0; sort the rows")
        object.__setattr__(self, "times_s", times_s)
        object.__setattr__(self, "hz", hz)

    @property
    def sha256(self) -> str:
        """Hash of both columns as float64, times first, and of the kind unless it is "annotated"."""
        kind = "" if self.kind == "annotated" else self.kind  # the hashes in stored records are from before the kinds
        return sha256_of(self.times_s.tobytes() + self.hz.tobytes() + kind.encode())

    def at(self, times_s: ArrayLike) -> NDArray[np.float64]:
        """Returns f0 in hertz at other times, 0 where unvoiced, NaN where unknown.

        At an annotated time (to a microsecond) it is the annotated value. Between two annotated times it is linear in
        log frequency if both are voiced and at most 50 ms apart: many annotators leave unvoiced rows out instead of
        writing 0, and a wider gap is more likely a silence than a held note. It is unknown if one of the two is.
        Otherwise, and outside the annotated range, it is 0.

        Args:
            times_s: (m,) in seconds.

        Returns:
            (m,) float64.
        """
        requested_s = np.asarray(times_s, np.float64)
        left = np.clip(np.searchsorted(self.times_s, requested_s, side="right") - 1, 0, self.times_s.size - 1)
        right = np.minimum(left + 1, self.times_s.size - 1)
        gap_s = self.times_s[right] - self.times_s[left]
        since_left_s, until_right_s = requested_s - self.times_s[left], self.times_s[right] - requested_s
        between = (since_left_s >= 0) & (until_right_s >= 0)
        bridged = between & (gap_s <= LONGEST_BRIDGED_GAP_S + _SAME_TIME_S)
        bridged &= (self.hz[left] > 0) & (self.hz[right] > 0)
        unknown = between & (np.isnan(self.hz[left]) | np.isnan(self.hz[right]))

        log_hz = np.log(np.where(self.hz > 0, self.hz, 1.0))
        weight = since_left_s / np.where(gap_s > 0, gap_s, 1.0)
        hz = np.where(bridged, np.exp(log_hz[left] + weight * (log_hz[right] - log_hz[left])), 0.0)
        hz = np.where(unknown, np.nan, hz)
        hz = np.where(np.abs(until_right_s) <= _SAME_TIME_S, self.hz[right], hz)
        return np.asarray(np.where(np.abs(since_left_s) <= _SAME_TIME_S, self.hz[left], hz))


def read_only(values: ArrayLike, dtype: type[np.floating]) -> NDArray[np.floating]:
    """Returns a read-only copy of an array, as `dtype`."""
    array = np.array(values, dtype)
    array.setflags(write=False)
    return array
