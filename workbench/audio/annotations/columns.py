"""Annotations of f0 as people have them: rows of time and pitch, in the units that the header names.

Without a header the columns are seconds and hertz. A value that is 0, negative (as in mir_eval) or NaN (as in librosa)
is unvoiced. A third column is the confidence of a tracker. What a file does not state is assumed, and a warning says
so.
"""

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.audio.annotations.pitch_track import PitchTrack
from workbench.audio.annotations.table import EXPECTED, Table, read_table
from workbench.errors import AudioError, WorkbenchWarning
from workbench.units import cents_to_hz, semitones_to_hz

Floats = NDArray[np.float64]

_TIME, _PITCH, _CONFIDENCE = range(3)
_SECONDS = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), 1e-3),
}
_COUNTS = {"sample", "samples", "frame", "frames"}
_TO_HERTZ: dict[str, Callable[[Floats], Floats]] = {
    **dict.fromkeys(("hz", "hertz"), lambda hz: hz),
    **dict.fromkeys(("khz", "kilohertz"), lambda khz: 1000 * khz),
    **dict.fromkeys(("cent", "cents"), cents_to_hz),
    **dict.fromkeys(("midi", "note", "semitone", "semitones"), semitones_to_hz),
}
_TIME_WORDS = {*_SECONDS, *_COUNTS, "time", "times", "timestamp"}
_PITCH_WORDS = {*_TO_HERTZ, "frequency", "f0", "pitch"}
_CONFIDENCE_WORDS = {"confidence", "probability", "periodicity", "salience"}
_MIN_STEP_OF_MS = 1.0  # rows a second apart would be no annotation of f0, and rows a millisecond apart are unusual


def read_pitch_track(path: Path) -> PitchTrack:
    """Reads an annotation of f0, as the description of this module has it.

    Warns with a WorkbenchWarning of one line if something about the file is assumed.

    Raises:
        AudioError: The file cannot be read, or a row is wrong; the message names the first such line.
    """
    table = read_table(path, columns=(2, 3))
    _check_columns(table)
    second, about_times = _time_unit(table)
    hz, about_pitch = _hertz(table)
    assumed = [
        "a comma is read as a decimal point" if table.decimal_comma else "",
        about_times,
        about_pitch,
        _about_confidence(table),
    ]
    if any(assumed):
        warnings.warn(WorkbenchWarning(f"{path}: {'; '.join(filter(None, assumed))}"), stacklevel=2)
    return PitchTrack(second * table.values[:, _TIME], hz)


def _check_columns(table: Table) -> None:
    """Raises AudioError if a column is not what it should be."""
    header = f"{table.path}:{table.header_line}"
    if table.words(_TIME) & _PITCH_WORDS or table.words(_PITCH) & _TIME_WORDS:
        raise AudioError(f"{header}: the columns have another order; {EXPECTED}")
    if table.words(_TIME) & _COUNTS:
        raise AudioError(f"{header}: the times are no seconds or milliseconds; {EXPECTED}")
    if table.words(_CONFIDENCE) - _CONFIDENCE_WORDS:
        raise AudioError(f"{header}: the third column is no confidence; {EXPECTED}")
    times, pitches = table.values[:, _TIME], table.values[:, _PITCH]
    for row in np.flatnonzero(~np.isfinite(times) | np.isinf(pitches))[:1]:
        raise AudioError(f"{table.where(row)}: a value is not finite; write 0 Hz where unvoiced")
    for row in np.flatnonzero(np.diff(times) <= 0)[:1] + 1:
        raise AudioError(
            f"{table.where(row)}: the time {times[row]:g} is not after {times[row - 1]:g}; sort the rows by time"
        )
    confidence = table.values[:, _CONFIDENCE:]
    for row in np.flatnonzero((confidence < 0) | (confidence > 1))[:1]:
        raise AudioError(
            f"{table.where(row)}: {confidence[row, 0]:g} in the third column is no confidence from 0 to 1; {EXPECTED}"
        )


def _time_unit(table: Table) -> tuple[float, str]:
    """Returns the unit of the times in seconds, and what is assumed about it."""
    units = table.words(_TIME) & set(_SECONDS)
    if units:
        return _SECONDS[min(units)], ""
    steps = np.diff(table.values[:, _TIME])
    if len(steps) and np.median(steps) >= _MIN_STEP_OF_MS:
        return 1e-3, f"the times are read as milliseconds, because the rows are {np.median(steps):g} apart"
    return 1.0, ""


def _hertz(table: Table) -> tuple[Floats, str]:
    """Returns (rows,) hertz, 0 where unvoiced, and what is assumed about them. Raises AudioError if one is too high."""
    values, units, assumed = table.values[:, _PITCH], table.words(_PITCH) & set(_TO_HERTZ), []
    voiced, hz = values > 0, np.zeros(len(values))  # NaN is not above 0
    if len(units) > 1 and "midi" in units and units & {"cent", "cents"}:
        hz[voiced] = semitones_to_hz(values[voiced] / 100)
    else:
        with np.errstate(over="ignore"):  # such a value is an error below
            hz[voiced] = _TO_HERTZ[min(units, default="hz")](values[voiced])
        if units & {"cent", "cents"}:
            assumed.append("the cents are read as above 10 Hz, as mir_eval and CREPE count them")
    for row in np.flatnonzero(~np.isfinite(hz))[:1]:
        raise AudioError(f"{table.where(row)}: {values[row]:g} is no pitch in the unit of the header; correct the unit")
    for kind, rows in (("a negative pitch", values < 0), ("no number (NaN)", np.isnan(values))):
        if rows.any():
            assumed.append(f"rows with {kind} are read as unvoiced ({rows.sum()} of {len(rows)})")
    return hz, "; ".join(assumed)


def _about_confidence(table: Table) -> str:
    if table.values.shape[1] <= _CONFIDENCE:
        return ""
    voiced = int((table.values[:, _PITCH] > 0).sum())
    return (
        f"the confidence is not used, so a row is voiced if its pitch is above 0 ({voiced} of {len(table.lines)} are); "
        "an estimate of a tracker is not a known f0"
    )
