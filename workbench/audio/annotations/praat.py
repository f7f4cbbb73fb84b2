"""Reads PitchTier files of Praat: long text, short text, and the spreadsheet form.

All three hold the same numbers in the same order: the first and last time, the number of points, then time and hertz of
each point. As in Praat's own reader, a number counts if it stands free between spaces; everything else is for readers.
Source: the manual page "Types of files" of Praat, under "text files".
"""

import re
from pathlib import Path

import numpy as np

from workbench.audio.annotations.pitch_track import LONGEST_BRIDGED_GAP_S
from workbench.audio.annotations.rows import Rows
from workbench.errors import AudioError, quote_value

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_QUOTED = re.compile(r'"[^"]*"')
_SAVE_AGAIN = "save the PitchTier again as a text file"


def read_pitch_tier(path: Path, text: str) -> Rows:
    """Reads the text of a PitchTier.

    A PitchTier does not say what is unvoiced. It has points where Praat found a pitch, so that a gap of more than 50 ms
    is read as unvoiced.

    Raises:
        AudioError: The file has another object of Praat, or the number of points is not as stated.
    """
    quoted = _QUOTED.findall(text)
    kind = quoted[1].strip('"') if len(quoted) > 1 else ""
    if kind != "PitchTier":
        raise AudioError(f"{path}: has a {quote_value(kind)}, not a PitchTier; in Praat choose Down to PitchTier first")
    numbers = [
        (line_number, float(word))
        for line_number, line in enumerate(text.splitlines(), 1)
        for word in _QUOTED.sub("", line).partition("!")[0].split()
        if _NUMBER.fullmatch(word)
    ]
    values = np.array([value for _, value in numbers])
    if len(values) < 3 or len(values) != 3 + 2 * values[2]:
        stated = f"{values[2]:g}" if len(values) > 2 else "no number of"
        raise AudioError(f"{path}: states {stated} points, but has {max(len(values) - 3, 0) / 2:g}; {_SAVE_AGAIN}")
    if not values[2]:
        raise AudioError(f"{path}: has no points; delete the file, or {_SAVE_AGAIN}")
    times_s, hz = values[3::2], values[4::2]
    for row in np.flatnonzero(hz <= 0)[:1]:
        raise AudioError(f"{path}:{numbers[4 + 2 * row][0]}: {hz[row]:g} is no pitch in hertz; delete the point")
    gaps = int((np.diff(np.sort(times_s)) > LONGEST_BRIDGED_GAP_S).sum())
    said = f"gaps of more than 50 ms between the points are read as unvoiced ({gaps} of them)" if gaps else ""
    return Rows(
        path,
        times_s,
        hz,
        lambda row: f"{path}:{numbers[3 + 2 * row][0]}",
        (said,) if said else (),
        duration_s=float(values[1]),
    )
