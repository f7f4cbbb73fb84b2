"""Files of f0 as people have them: the same three rows in each form, and the files that are refused."""

import re
import warnings
from pathlib import Path

import mir_eval
import numpy as np
import pytest

from workbench.audio import read_pitch_track
from workbench.errors import AudioError, WorkbenchWarning

HZ = np.array([220.0, 0.0, 221.0])  # at 0, 10 and 20 ms
MIDI = np.where(HZ > 0, 69 + 12 * np.log2(np.maximum(HZ, 1) / 440), 0)
CENTS = np.where(HZ > 0, mir_eval.melody.hz2cents(np.maximum(HZ, 1)), 0)
PLAIN = "0,220\n0.01,0\n0.02,221\n"
TRACK = "time_ms,frequency_hz,confidence\n0.000,220.000,0.930\n10.000,0.000,0.110\n20.000,221.000,0.900\n"
CREPE = "time,frequency,confidence\n0.00,220,0.93\n0.01,0,0.11\n0.02,221,0.9\n"
NOT_USED = "the confidence is not used, so a row is voiced if its pitch is above 0 (2 of 3 are)"
ESTIMATE = "; an estimate of a tracker is not a known f0"
AS_MS = "the times are read as milliseconds, because the rows are 10 apart"
COMMA = "a comma is read as a decimal point"
LABELS = "the third column has labels, which are not used (2 of them)"
NAN = "rows with no number (NaN) are read as unvoiced (1 of 3)"
NEGATIVE = "rows with a negative pitch are read as unvoiced (1 of 3)"


def rows(values: np.ndarray, header: str = "", step: float = 0.01) -> str:
    return header + "".join(f"{index * step:.6f},{value:.9f}\n" for index, value in enumerate(values))


def read(path: Path, content: str | bytes) -> tuple[list[float], list[float], str]:
    """Returns the times, the frequencies and the one warning, "" without one."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", WorkbenchWarning)
        track = read_pitch_track(path)
    assert len(caught) <= 1
    return track.times_s.tolist(), track.hz.tolist(), "".join(str(warning.message) for warning in caught)


@pytest.mark.parametrize(
    ("content", "assumed"),
    [
        (PLAIN, ""),
        ("\ufeffseconds, hertz\r\n\r\n0.0, 220\r\n0.01, 0\r\n0.02, 221\r\n", ""),
        (PLAIN.replace("\n", "\r"), ""),
        (PLAIN.replace(",", "  "), ""),
        (PLAIN.replace(",", "\t"), ""),
        (PLAIN.replace(",", ";"), ""),
        ("time (s) f0 (Hz)\n" + PLAIN.replace(",", " "), ""),
        ('"time","frequency"\n"0","220"\n"0.01","0"\n"0.02","221"\n', ""),
        ("# by hand\n# time f0\n" + PLAIN.replace(",", " "), ""),
        ("# by hand, with care\n" + PLAIN, ""),
        (("\ufeff" + PLAIN.replace(",", "\t")).encode("utf-16-le"), ""),
        ("0;220,0\n0,01;0\n0,02;221\n", COMMA),
        ("0,00 220,0\n0,01 0\n0,02 221\n", COMMA),
        ("0,00\t220,0\t0,9\n0,01\t0\t0,1\n0,02\t221\t0,9\n", f"{COMMA}; {NOT_USED}"),
        ("Time_s   F0_Hz\n0.00   220.0\n0.01   --undefined--\n0.02   221.0\n", NAN),
        (
            'TIME,VALUE,LABEL\n0,220,\n0.01,0\n0.02,221,"a, b"\n',
            f"the column 'value' is read as a pitch in hertz; {LABELS}",
        ),
        ("0\t220\tNew Point\n0.01\t0\tx\n0.02\t221\tx\n", LABELS.replace("2 of", "3 of")),
        ("time,frequency\n" + PLAIN.replace(",", "\t"), ""),
        ("# take 2, note by hand\n" + PLAIN, ""),
        ("0.02,221\n0,220\n0.01,0\n", "the rows are sorted by time, because the time goes back at line 2"),
        (PLAIN + "0.02,221\n", "rows that repeat another are dropped (1 of 4)"),
        (rows(HZ, "time_ms,hz\n", 10), ""),
        (rows(HZ, "Time (ms),F0\n", 10), ""),
        (rows(HZ, "", 10), AS_MS),
        (rows(HZ / 1000, "s,kHz\n"), ""),
        (rows(MIDI, "seconds,midi\n"), ""),
        (rows(MIDI, "time_s,pitch_semitones\n"), "the semitones are read as MIDI notes, of which 69 is 440 Hz"),
        (rows(100 * MIDI, "time,midi_cents\n"), ""),
        (rows(CENTS, "time,cents\n"), "the cents are read as above 10 Hz, as mir_eval and CREPE count them"),
        (PLAIN.replace(",0\n", ",-300\n"), NEGATIVE),
        (PLAIN.replace(",0\n", ",nan\n"), NAN),
        (CREPE, NOT_USED),
        (CREPE.replace("0.01,0,", "0.01,-300,"), f"{NOT_USED}{ESTIMATE}; {NEGATIVE}"),
        (TRACK, NOT_USED),
        (TRACK.replace("_ms", "").replace("_hz", ""), f"{AS_MS}; {NOT_USED}"),
    ],
)
def test_every_form_has_the_same_f0(tmp_path: Path, content: str | bytes, assumed: str) -> None:
    times_s, hz, warning = read(tmp_path / "a.csv", content)
    assert (times_s, hz) == (pytest.approx([0, 0.01, 0.02]), pytest.approx(HZ.tolist()))
    found = warning.removeprefix(f"{tmp_path / 'a.csv'}: ").removesuffix(ESTIMATE)
    assert found == assumed


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("time,hz\n", ": has no rows of time and frequency"),
        ("time,hz\ntime,hz\n0,220\n", ":1: is neither a row nor the header; begin a comment with #"),
        ("1_0,220\n0,220\n", ":1: '1_0' is not a number"),
        ("0,220\n0.01,2_2\n", ":2: '2_2' is not a number"),
        ("0,220\n0.01,\n", ":2: '' is not a number"),
        ("time,hz\n\n0,220,0.9,1\n", ":3: expected 2 or 3 columns, got 4"),
        ("0,220\n0.01,220,0.9\n", ":2: expected 2 columns as in the first row, got 3"),
        ("0,00,220,0\n", ":1: expected 2 or 3 columns, got 4"),
        ("0\n0.01\n", ":1: expected 2 or 3 columns, got 1"),
        ("0,220,0.9\n0.01,220,60\n", ":2: 60 in the third column is no confidence from 0 to 1"),
        ("time,f0,duration\n0,220,0.9\n", ":1: the third column is no confidence"),
        ("0,220\n0.02,inf\n", ":2: the pitch is not finite"),
        ("0,220\nnan,220\n", ":2: the time is not finite"),
        ("0,220\n0.02,0\n0.01,0\n0.02,1\n", ":4: the time 0.02 s has another pitch at line 2; delete one"),
        (
            "0,220\n0.3,221\n0.6,222\n",
            ": most rows are 0.3 s or more apart, as notes, numbered rows and milliseconds are",
        ),
        ("0,220\n1,221\n2,222\n", ": most rows are 1 s or more apart, as notes, numbered rows and milliseconds are"),
        (
            "0,220\n256,221\n512,222\n",
            ": most rows are 256 s or more apart, as notes, numbered rows and milliseconds are",
        ),
        ("0\t220\n0,01\t0\n0.02\t1\n", ":3: has a decimal point, but other rows a comma; use one of them"),
        ("time,semitones re 100 hz\n0,12\n", ":1: the unit of the pitch is not clear"),
        ("time,log_f0\n0,5.4\n", ":1: the unit of the pitch is not clear"),
        ("# truth: guessed\n0,220\n", ": truth: expected one of annotated, consensus, resynthesis, got 'guessed'"),
        ("hz,seconds\n220,0\n", ":1: the columns have another order"),
        ("frame,f0\n0,220\n", ":1: the times are no seconds or milliseconds"),
        ("time,midi\n0,60\n0.01,22000\n", ":3: 22000 is no pitch in the unit of the header"),
        (b"\xe9,0\n", ": is not a text file"),
        (b"\xff\xfe0", ": is not a text file"),
    ],
)
def test_bad_annotation_names_the_line(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(AudioError, match=re.escape(f"{tmp_path / 'a.csv'}{message}")) as raised:
        read(tmp_path / "a.csv", content)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("hz", "said"),
    [(60, "; name the column midi if they are MIDI notes"), (5700, ", though their median is 5700; name their unit")],
)
def test_hertz_without_a_unit_that_no_voice_has_are_said(tmp_path: Path, hz: float, said: str) -> None:
    assert read(tmp_path / "a.csv", f"0,{hz}\n0.01,{hz}\n")[2].endswith(f"the pitches are read as hertz{said}")
