"""The rows of an annotation, whatever its format, and the pitch track that they are.

What a file does not state is assumed and said; what can be read in more than one way is refused with its row.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.audio.annotations.pitch_track import LONGEST_BRIDGED_GAP_S, PitchTrack, TruthKind
from workbench.errors import AudioError

Floats = NDArray[np.float64]

_OUTSIDE_S = 0.1  # a tracker that pads the audio writes frames up to half a window outside it
_OTHER_LENGTH_S = 0.5  # decoders of compressed audio differ by some 50 ms
_ROUNDING_S = 1e-6


@dataclass(frozen=True)
class Rows:
    """The rows of an annotation, in the order of the file.

    Attributes:
        path: The file.
        times_s: (n,) in seconds.
        hz: (n,) in hertz; 0, negative or NaN where no pitch is stated.
        place: Returns where a row is, for a message: the file and the line.
        assumed: What was assumed to read them.
        kind: How the f0 is known.
        nan_is_unknown: Whether NaN means that the f0 is unknown; otherwise it means unvoiced.
        duration_s: The length of the audio, if the file states it.
        audio_sha256: The hash of the file of the audio, or "" if the file does not state it.
    """

    path: Path
    times_s: Floats
    hz: Floats
    place: Callable[[int], str]
    assumed: tuple[str, ...] = ()
    kind: TruthKind = "annotated"
    nan_is_unknown: bool = False
    duration_s: float | None = field(default=None, kw_only=True)
    audio_sha256: str = field(default="", kw_only=True)


def track_of(rows: Rows, duration_s: float | None, audio_sha256: str) -> tuple[PitchTrack, list[str]]:
    """Returns the pitch track, and everything that was assumed.

    Args:
        rows: The rows.
        duration_s: The length of the clip; None if it is not known.
        audio_sha256: The hash of the clip's file; "" if it is not known.

    Raises:
        AudioError: A row is wrong, two rows contradict each other, or the rows are of other audio.
    """
    for row in np.flatnonzero(~np.isfinite(rows.times_s))[:1]:
        raise AudioError(f"{rows.place(row)}: the time is not finite; correct or delete the row")
    for row in np.flatnonzero(np.isinf(rows.hz))[:1]:
        raise AudioError(f"{rows.place(row)}: the pitch is not finite; write 0 where unvoiced")
    if rows.audio_sha256 and audio_sha256 and rows.audio_sha256 != audio_sha256:
        raise AudioError(
            f"{rows.path}: was made from other audio, by its audio_sha256; annotate this clip, or delete that line if "
            "the recording is the same"
        )
    hz, assumed = _without_signs(rows)
    order = np.argsort(rows.times_s, kind="stable")
    backward = np.flatnonzero(np.diff(rows.times_s) < 0)
    if len(backward):
        assumed.append(f"the rows are sorted by time, because the time goes back at {_line(rows, backward[0] + 1)}")
    order, about_repeated = _without_repeated(rows, hz, order)
    times_s, hz = rows.times_s[order], hz[order]
    _check_steps(rows, times_s)
    assumed += [about_repeated, _check_length(rows, order, hz, duration_s)]
    return PitchTrack(times_s, hz, rows.kind), [*rows.assumed, *filter(None, assumed)]


def _without_signs(rows: Rows) -> tuple[Floats, list[str]]:
    """Returns (rows,) hertz, 0 where unvoiced and NaN where unknown, and what is assumed about the others."""
    negative, nan = rows.hz < 0, np.isnan(rows.hz)
    hz = np.where(negative | (nan & (not rows.nan_is_unknown)), 0.0, rows.hz)
    assumed = []
    for what, count in (("a negative pitch", negative.sum()), ("no number (NaN)", nan.sum())):
        if count and not (what.startswith("no") and rows.nan_is_unknown):
            assumed.append(f"rows with {what} are read as unvoiced ({count} of {len(hz)})")
    return hz, assumed


def _without_repeated(rows: Rows, hz: Floats, order: NDArray[np.intp]) -> tuple[NDArray[np.intp], str]:
    """Returns the order without rows that repeat another, and what is said about them."""
    times_s, sorted_hz = rows.times_s[order], hz[order]
    repeats = np.concatenate([[False], np.diff(times_s) == 0])
    both_nan = np.isnan(sorted_hz[1:]) & np.isnan(sorted_hz[:-1])
    same = np.concatenate([[True], (sorted_hz[1:] == sorted_hz[:-1]) | both_nan])
    for at in np.flatnonzero(repeats & ~same)[:1]:
        first, second = sorted(order[at - 1 : at + 1])
        raise AudioError(
            f"{rows.place(second)}: the time {times_s[at]:g} s has another pitch at {_line(rows, first)}; delete one "
            "of the two rows"
        )
    said = f"rows that repeat another are dropped ({repeats.sum()} of {len(hz)})" if repeats.any() else ""
    return order[~repeats], said


def _check_steps(rows: Rows, times_s: Floats) -> None:
    """Raises AudioError if most rows are too far apart to tell the f0 between them."""
    steps_s = np.diff(times_s)
    if len(steps_s) and np.median(steps_s) > LONGEST_BRIDGED_GAP_S + _ROUNDING_S:
        raise AudioError(
            f"{rows.path}: most rows are {np.median(steps_s):g} s or more apart, as notes, numbered rows and "
            f"milliseconds are; write the f0 at least every {1000 * LONGEST_BRIDGED_GAP_S:.0f} ms, and the unit of the "
            "times in a header"
        )


def _check_length(rows: Rows, order: NDArray[np.intp], hz: Floats, duration_s: float | None) -> str:
    """Returns what is said about rows after the end. Raises AudioError if the rows are those of other audio."""
    if duration_s is None:
        return ""
    if rows.duration_s is not None and abs(rows.duration_s - duration_s) > _OTHER_LENGTH_S:
        raise AudioError(
            f"{rows.path}: is for {rows.duration_s:.2f} s of audio, but the clip has {duration_s:.2f} s; it belongs to "
            "another clip"
        )
    times_s = rows.times_s[order]
    outside = (times_s < -_OUTSIDE_S) | (times_s > duration_s + _OUTSIDE_S)
    for at in np.flatnonzero(outside & (hz > 0))[:1]:
        raise AudioError(
            f"{rows.place(order[at])}: {times_s[at]:g} s is outside the clip, which has {duration_s:.2f} s; the file "
            "belongs to another clip, or the unit of its times is wrong"
        )
    return f"rows outside the clip are not used ({outside.sum()} of {len(hz)})" if outside.any() else ""


def _line(rows: Rows, row: int) -> str:
    """Returns where a row is, without the name of the file."""
    place = rows.place(row).removeprefix(f"{rows.path}").lstrip(": ")
    return f"line {place}" if place.isdigit() else place
