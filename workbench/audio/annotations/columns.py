"""Annotations in columns: rows of time and pitch, in the units that the header names or that the caller states.

Without either, the columns are seconds and hertz. A third column is the confidence of a tracker, or a label.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from workbench.audio.annotations.pitch_track import LONGEST_BRIDGED_GAP_S, TRUTH_KINDS, TruthKind
from workbench.audio.annotations.rows import Rows
from workbench.audio.annotations.table import EXPECTED, LABEL_WORDS, Table, read_table
from workbench.errors import AudioError, quote_value
from workbench.units import cents_to_hz, semitones_to_hz

Floats = NDArray[np.float64]
TimeUnit = Literal["s", "ms", "samples"]
PitchUnit = Literal["hz", "khz", "midi", "cents", "midi_cents"]

_TIME, _PITCH, _CONFIDENCE = range(3)
_TIME_UNITS: dict[str, TimeUnit] = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), "s"),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), "ms"),
    **dict.fromkeys(("sample", "samples", "frame", "frames"), "samples"),
}
_PITCH_UNITS: dict[str, PitchUnit] = {
    **dict.fromkeys(("hz", "hertz"), "hz"),
    **dict.fromkeys(("khz", "kilohertz"), "khz"),
    **dict.fromkeys(("cent", "cents"), "cents"),
    **dict.fromkeys(("midi", "note", "semitone", "semitones"), "midi"),
}
_TO_HERTZ: dict[PitchUnit, Callable[[Floats], Floats]] = {
    "hz": lambda hz: hz,
    "khz": lambda khz: 1000 * khz,
    "midi": semitones_to_hz,
    "cents": cents_to_hz,
    "midi_cents": lambda cents: semitones_to_hz(cents / 100),
}
_TIME_WORDS = {*_TIME_UNITS, "time", "times", "timestamp", "timestamps", "t"}
_PITCH_WORDS = {*_PITCH_UNITS, "frequency", "frequencies", "freq", "f0", "pitch"}
_OTHER_SCALES = {"log", "ln", "erb", "mel", "bark", "octave", "octaves", "period", "log2"}
_CONFIDENCE_WORDS = {"confidence", "probability", "periodicity", "salience"}
_LONGEST_INDEX_STEP = 1.0  # rows that are 1 apart may be numbered, or a millisecond apart
_VOICES_HZ = (50.0, 2000.0)  # what a median of sung f0 in hertz does not leave
_HIGHEST_MIDI = 127


@dataclass(frozen=True)
class StatedUnits:
    """The units of a file without a header, as the user states them. None: the header's, or seconds and hertz.

    `sample_rate_hz` is the rate of the audio, if times are samples.
    """

    time: TimeUnit | None = None
    pitch: PitchUnit | None = None
    sample_rate_hz: int | None = None


def read_columns(path: Path, text: str, stated: StatedUnits) -> Rows:
    """Reads a text of rows.

    Raises:
        AudioError: A row or the header is wrong, or the header contradicts the stated units.
    """
    table = read_table(path, text, columns=(2, 3))
    if table.header_is_comment and not table.words(_TIME) & _TIME_WORDS:
        table = replace(table, header=())  # a remark
    _check_names(table)
    second, about_times = _second(table, stated)
    unit, about_unit = _pitch_unit(table, stated)
    hz = _hertz(table, unit)
    assumed = (
        "a comma is read as a decimal point" if table.decimal_comma else "",
        about_times,
        about_unit,
        f"the third column has labels, which are not used ({table.labels} of them)" if table.labels else "",
        _about_confidence(table),
    )
    return Rows(
        path,
        second * table.values[:, _TIME],
        hz,
        table.where,
        tuple(filter(None, assumed)),
        _kind(table),
        table.comments.get("nan") == "unknown",
        audio_sha256=table.comments.get("audio_sha256", ""),
    )


def _check_names(table: Table) -> None:
    """Raises AudioError if a column is not what it should be."""
    header = f"{table.path}:{table.header_line}"
    if table.words(_TIME) & _PITCH_WORDS or table.words(_PITCH) & _TIME_WORDS:
        raise AudioError(f"{header}: the columns have another order; {EXPECTED}")
    if table.words(_CONFIDENCE) - _CONFIDENCE_WORDS - LABEL_WORDS:
        raise AudioError(f"{header}: the third column is no confidence; {EXPECTED}")
    confidence = table.values[:, _CONFIDENCE:]
    for row in np.flatnonzero((confidence < 0) | (confidence > 1))[:1]:
        raise AudioError(
            f"{table.where(row)}: {confidence[row, 0]:g} in the third column is no confidence from 0 to 1; {EXPECTED}"
        )


def _second(table: Table, stated: StatedUnits) -> tuple[float, str]:
    """Returns the unit of the times in seconds, and what is assumed about it."""
    header = f"{table.path}:{table.header_line}"
    named = {_TIME_UNITS[word] for word in table.words(_TIME) if word in _TIME_UNITS}
    if len(named) > 1 or (stated.time and named - {stated.time}):
        raise AudioError(f"{header}: the times have another unit by the header; correct one of the two")
    unit = stated.time or next(iter(named), None)
    if unit == "samples":
        if stated.sample_rate_hz is None or stated.time is None:
            raise AudioError(f"{header}: the times are no seconds or milliseconds; {EXPECTED}")
        return 1 / stated.sample_rate_hz, ""
    if unit is not None:
        return (1.0 if unit == "s" else 1e-3), ""
    steps = np.abs(np.diff(table.values[:, _TIME]))
    step = float(np.median(steps)) if len(steps) else 0.0
    if _LONGEST_INDEX_STEP < step <= 1000 * LONGEST_BRIDGED_GAP_S:
        return 1e-3, f"the times are read as milliseconds, because the rows are {step:g} apart"
    return 1.0, ""


def _pitch_unit(table: Table, stated: StatedUnits) -> tuple[PitchUnit, str]:
    """Returns the unit of the pitches, and what is assumed about it. Raises AudioError if the header names several."""
    words, header = table.words(_PITCH), f"{table.path}:{table.header_line}"
    named = {_PITCH_UNITS[word] for word in words if word in _PITCH_UNITS}
    if named == {"midi", "cents"} and "midi" in words:
        named = {"midi_cents"}
    if len(named) > 1 or words & _OTHER_SCALES or (stated.pitch and named - {stated.pitch}):
        found = quote_value(" ".join(sorted(words)))
        raise AudioError(f"{header}: the unit of the pitch is not clear ({found}); name one of hz, midi or cents")
    unit = stated.pitch or next(iter(named), None)
    if unit == "cents":
        return unit, "the cents are read as above 10 Hz, as mir_eval and CREPE count them"
    if unit == "midi" and not stated.pitch and not words & {"midi", "note"}:
        return unit, "the semitones are read as MIDI notes, of which 69 is 440 Hz"
    if unit is not None:
        return unit, ""
    if words and not words & _PITCH_WORDS and not table.header_is_comment:
        return "hz", f"the column {quote_value(' '.join(sorted(words)))} is read as a pitch in hertz"
    return "hz", _about_unusual_hertz(table.values[:, _PITCH])


def _about_unusual_hertz(values: Floats) -> str:
    """Returns a note if values without a unit could be something else than hertz."""
    voiced = values[values > 0]
    if not len(voiced):
        return ""
    if voiced.max() <= _HIGHEST_MIDI:
        return "the pitches are read as hertz; name the column midi if they are MIDI notes"
    if not _VOICES_HZ[0] <= np.median(voiced) <= _VOICES_HZ[1]:
        return f"the pitches are read as hertz, though their median is {np.median(voiced):g}; name their unit"
    return ""


def _hertz(table: Table, unit: PitchUnit) -> Floats:
    """Returns (rows,) hertz; 0, negative and NaN as they are. Raises AudioError if one is too high for its unit."""
    values, hz = table.values[:, _PITCH], table.values[:, _PITCH].copy()
    voiced = (values > 0) & np.isfinite(values)
    with np.errstate(over="ignore"):  # such a value is an error below
        hz[voiced] = _TO_HERTZ[unit](values[voiced])
    for row in np.flatnonzero(voiced & ~np.isfinite(hz))[:1]:
        raise AudioError(f"{table.where(row)}: {values[row]:g} is no pitch in the unit of the header; correct the unit")
    return hz


def _kind(table: Table) -> TruthKind:
    """Returns the kind of truth that a comment states. Raises AudioError if it is none."""
    stated = table.comments.get("truth", TRUTH_KINDS[0])
    for kind in TRUTH_KINDS:
        if kind == stated:
            return kind
    raise AudioError(f"{table.path}: truth: expected one of {', '.join(TRUTH_KINDS)}, got {quote_value(stated)}")


def _about_confidence(table: Table) -> str:
    if table.values.shape[1] <= _CONFIDENCE:
        return ""
    voiced = int((table.values[:, _PITCH] > 0).sum())
    return (
        f"the confidence is not used, so a row is voiced if its pitch is above 0 ({voiced} of {len(table.lines)} are); "
        "an estimate of a tracker is not a known f0"
    )
