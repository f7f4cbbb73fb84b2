"""The known pitch of a clip, read from a CSV file beside it."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.errors import AudioError
from workbench.storage.hashing import sha256_of

ANNOTATION_SUFFIX = ".csv"


LONGEST_BRIDGED_GAP_S = 0.05


_SAME_TIME_S = 1e-6


@dataclass(frozen=True, eq=False)
class PitchTrack:
    """The known f0 of a clip: `times_s` (n,) float64, strictly increasing; `hz` (n,) float64, 0 where unvoiced.

    Raises AudioError where the two do not fit together, are not finite, or time or frequency run the wrong way.
    """

    times_s: NDArray[np.float64]
    hz: NDArray[np.float64]

    def __post_init__(self) -> None:
        times_s, hz = _read_only(self.times_s, np.float64), _read_only(self.hz, np.float64)
        if times_s.ndim != 1 or times_s.shape != hz.shape or times_s.size == 0:
            raise AudioError(
                f"pitch track: {times_s.shape} times for {hz.shape} frequencies; give one for each, and one at least"
            )
        if not (np.isfinite(times_s).all() and np.isfinite(hz).all()):
            raise AudioError("pitch track: times and frequencies have to be finite; write 0 Hz where unvoiced")
        if (np.diff(times_s) <= 0).any() or (hz < 0).any():
            raise AudioError("pitch track: times have to increase and frequencies be 0 or more; sort or correct them")
        object.__setattr__(self, "times_s", times_s)
        object.__setattr__(self, "hz", hz)

    @property
    def sha256(self) -> str:
        """Of both columns as float64, times first."""
        return sha256_of(self.times_s.tobytes() + self.hz.tobytes())

    def at(self, times_s: ArrayLike) -> NDArray[np.float64]:
        """f0 in hertz (m,) at `times_s` (m,), 0 where unvoiced.

        On an annotated time (to a microsecond) its own value. Between two, linear in log frequency if both are voiced
        and at most 50 ms apart: many annotators leave unvoiced rows out instead of writing 0, and a wider gap is
        silence more likely than a held note. Everywhere else, and outside the annotated range, 0.
        """
        wanted = np.asarray(times_s, np.float64)
        left = np.clip(np.searchsorted(self.times_s, wanted, side="right") - 1, 0, self.times_s.size - 1)
        right = np.minimum(left + 1, self.times_s.size - 1)
        gap_s = self.times_s[right] - self.times_s[left]
        since_left_s, until_right_s = wanted - self.times_s[left], self.times_s[right] - wanted
        bridged = (since_left_s >= 0) & (until_right_s >= 0) & (gap_s <= LONGEST_BRIDGED_GAP_S + _SAME_TIME_S)
        bridged &= (self.hz[left] > 0) & (self.hz[right] > 0)

        log_hz = np.log(np.where(self.hz > 0, self.hz, 1.0))
        weight = since_left_s / np.where(gap_s > 0, gap_s, 1.0)
        hz = np.where(bridged, np.exp(log_hz[left] + weight * (log_hz[right] - log_hz[left])), 0.0)
        hz = np.where(np.abs(until_right_s) <= _SAME_TIME_S, self.hz[right], hz)
        return np.asarray(np.where(np.abs(since_left_s) <= _SAME_TIME_S, self.hz[left], hz))


def read_pitch_track(path: Path) -> PitchTrack:
    """Read an annotation: rows of `seconds,hertz`, 0 Hz where unvoiced, a header if you like, blank lines ignored.

    A third column is refused: `time,frequency,confidence` is what trackers write, and an estimate is not a truth.
    Raises AudioError with the line of the first row that is wrong.
    """
    times_s: list[float] = []
    hz: list[float] = []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            header_allowed = True
            for row in reader:
                cells = [cell.strip() for cell in row]
                if not any(cells):
                    continue
                if not (header_allowed and not any(_is_number(cell) for cell in cells)):
                    time_s, frequency_hz = _read_row(
                        cells, f"{path}:{reader.line_num}", times_s[-1] if times_s else None
                    )
                    times_s.append(time_s)
                    hz.append(frequency_hz)
                header_allowed = False
    except (UnicodeDecodeError, csv.Error):
        raise AudioError(f"{path}: not a text file of seconds,hertz rows; export it as comma-separated UTF-8") from None
    except OSError as error:
        raise AudioError(f"{path}: cannot be opened ({error.strerror}); check its permissions") from None
    if not times_s:
        raise AudioError(f"{path}: no rows of seconds,hertz in it; write them or take the file away")
    return PitchTrack(np.array(times_s), np.array(hz))


def _read_row(cells: list[str], where: str, previous_s: float | None) -> tuple[float, float]:
    if len(cells) != 2:
        raise AudioError(f"{where}: {len(cells)} columns where 2 are wanted; write seconds,hertz")
    for cell in cells:
        if not _is_number(cell):
            raise AudioError(f"{where}: '{cell}' is not a number; write seconds,hertz")
    time_s, hz = float(cells[0]), float(cells[1])
    if not (math.isfinite(time_s) and math.isfinite(hz)):
        raise AudioError(f"{where}: {','.join(cells)} is not finite; write 0 Hz where unvoiced")
    if hz < 0:
        raise AudioError(f"{where}: {cells[1]} Hz is negative; write 0 where unvoiced")
    if previous_s is not None and time_s <= previous_s:
        raise AudioError(f"{where}: {cells[0]} s does not come after {previous_s:g} s; sort the rows by time")
    return time_s, hz


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _read_only(values: ArrayLike, dtype: type[np.floating]) -> NDArray[np.floating]:
    array = np.array(values, dtype)
    array.setflags(write=False)
    return array
