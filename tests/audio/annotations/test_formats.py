"""The same truth in every format that people have, each written by another program where there is one."""

import re
import warnings
from collections.abc import Callable
from pathlib import Path

import mir_eval
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.audio import PitchTrack, read_pitch_track
from workbench.audio.annotations import StatedUnits, annotation_beside
from workbench.errors import AudioError, WorkbenchWarning

TIMES_S = np.arange(120) * 0.010
HZ = np.where((TIMES_S >= 0.3) & (TIMES_S < 0.8), 220 * 2 ** (TIMES_S / 2 + 0.03 * np.sin(30 * TIMES_S)), 0.0)
HZ[[0, 1, 2]] = 0
MIDI = np.where(HZ > 0, 69 + 12 * np.log2(np.maximum(HZ, 1) / 440), 0)
VOICED = HZ > 0
RATE_HZ = 44_100


def table(values: np.ndarray = HZ, row: str = "{t:.6f},{v:.9f}", header: str = "", times: np.ndarray = TIMES_S) -> str:
    return header + "".join(row.format(t=t, v=v) + "\n" for t, v in zip(times, values, strict=True))


def jams(path: Path, namespace: str, values: list[object]) -> None:
    """Writes a file with the package of the format."""
    library = pytest.importorskip("jams")
    file, annotation = library.JAMS(), library.Annotation(namespace=namespace, time=0, duration=1.2)
    file.file_metadata.duration = 1.2
    for time_s, value in zip(TIMES_S, values, strict=True):
        annotation.append(time=time_s, duration=0.01, value=value, confidence=None)
    file.annotations.append(annotation)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file.save(str(path), strict=True)


def praat(path: Path, command: str) -> None:
    """Writes a PitchTier with Praat. It has no points where the truth is unvoiced."""
    call = pytest.importorskip("parselmouth.praat").call
    tier = call("Create PitchTier", "take", 0, 1.2)
    for time_s, hz in zip(TIMES_S[VOICED], HZ[VOICED], strict=True):
        call(tier, "Add point", float(time_s), float(hz))
    call(tier, command, str(path))


def layer(units: str = "Hz", points: str = "") -> str:
    """Returns a layer as Sonic Visualiser 5 and Tony 2 save it."""
    points = points or "".join(
        f'      <point frame="{round(t * RATE_HZ)}" value="{hz}" label="" />\n'
        for t, hz in zip(TIMES_S, HZ, strict=True)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE sonic-visualiser>\n<sv>\n  <data>\n'
        f'    <model id="1" name="" sampleRate="{RATE_HZ}" start="0" end="52920" type="sparse" dimensions="2" '
        f'resolution="1" notifyOnAdd="true" dataset="0" subtype="" minimum="0" maximum="400" units="{units}" />\n'
        f'    <dataset id="0" dimensions="2">\n{points}    </dataset>\n  </data>\n'
        '  <display>\n    <layer id="2" type="timevalues" name="f0" model="1" />\n  </display>\n</sv>\n'
    )


def text(content: str | bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(content.encode() if isinstance(content, str) else content) and None


def contours(absent_hz: float) -> list[object]:
    return [{"index": 0, "frequency": hz if hz else absent_hz, "voiced": bool(hz)} for hz in HZ.tolist()]


CENTS = np.where(VOICED, mir_eval.melody.hz2cents(np.maximum(HZ, 1)), 0)
FORMATS: dict[str, tuple[Callable[[Path], None], StatedUnits | None]] = {
    "mir_eval.csv": (text(table()), None),
    "negative.txt": (text(table(np.where(VOICED, HZ, -150.0), "{t:.3f}\t{v:.6f}")), None),
    "crepe.csv": (text(table(row="{t:.3f},{v:.6f},0.9", header="time,frequency,confidence\n")), None),
    "track.csv": (text(table(HZ, "{t:.3f},{v:.6f},0.9", "time_ms,frequency_hz,confidence\n", 1000 * TIMES_S)), None),
    "windows.CSV": (text("\ufeff" + table(HZ, "{t:.3f};{v:.6f}\r", "Zeit;Hz\r\n").replace(".", ",")), None),
    "utf16.txt": (text(table(row="{t:.3f}\t{v:.6f}").encode("utf-16")), None),
    "midi.f0": (text(table(MIDI, "{t:.3f} {v:.9f}", "time midi\n")), None),
    "midi_as_stated.f0": (text(table(MIDI, "{t:.3f} {v:.9f}")), StatedUnits(pitch="midi")),
    "cents.tsv": (text(table(CENTS, "{t:.3f}\t{v:.7f}", "time\tcents\n")), None),
    "midi_cents_as_stated.txt": (text(table(100 * MIDI)), StatedUnits(pitch="midi_cents")),
    "samples_as_stated.csv": (
        text(table(row="{t:.0f},{v:.6f}", times=RATE_HZ * TIMES_S)),
        StatedUnits(time="samples", pitch="hz", sample_rate_hz=RATE_HZ),
    ),
    "shuffled.csv": (text("".join(np.random.default_rng(1).permutation(table().splitlines(keepends=True)))), None),
    "repeated.csv": (text(table() + table()[-40:].split("\n", 1)[1]), None),
    "tony.csv": (text("".join(line for line in table().splitlines(keepends=True) if ",0.0" not in line)), None),
    "sonic_visualiser.csv": (text(table(row="{t:.9f},{v:.4f},", header="TIME,VALUE,LABEL\n")), None),
    "sonic_visualiser.svl": (text(layer()), None),
    "pitch_contour.jams": (lambda path: jams(path, "pitch_contour", contours(0.0)), None),
    "pitch_contour_of_unvoiced.jams": (lambda path: jams(path, "pitch_contour", contours(150.0)), None),
    "pitch_hz.jams": (lambda path: jams(path, "pitch_hz", np.where(VOICED, HZ, -150.0).tolist()), None),
    "pitch_midi.jams": (lambda path: jams(path, "pitch_midi", MIDI.tolist()), None),
    "long.PitchTier": (lambda path: praat(path, "Save as text file..."), None),
    "short.PitchTier": (lambda path: praat(path, "Save as short text file..."), None),
    "spreadsheet.PitchTier": (lambda path: praat(path, "Save as PitchTier spreadsheet file..."), None),
    "headerless.txt": (lambda path: praat(path, "Save as headerless spreadsheet file..."), None),
}  # fmt: skip


def read(path: Path, duration_s: float | None = 1.2, stated: StatedUnits | None = None) -> PitchTrack:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", WorkbenchWarning)
        return read_pitch_track(path, duration_s, stated=stated)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_the_same_truth(tmp_path: Path, name: str) -> None:
    write, stated = FORMATS[name]
    write(tmp_path / name)
    found = read(tmp_path / name, stated=stated).at(TIMES_S)
    np.testing.assert_array_equal(found > 0, VOICED)
    np.testing.assert_allclose(found, HZ, rtol=1e-5)


def pitch(namespace: str, data: str) -> str:
    return f'{{"annotations": [{{"namespace": "{namespace}", "data": {data}}}], "file_metadata": {{"duration": 1.2}}}}'


ROW_0 = ": annotations.0.data.0: "
HEAD = 'File type = "ooTextFile"\nObject class = "{}"\n\n0\n{}\n'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (HEAD.format("Pitch 1", 1), ": has a 'Pitch 1', not a PitchTier; in Praat choose Down to PitchTier first"),
        (HEAD.format("PitchTier", 1.2) + "2\n0.1\n220\n0.11\n", ": states 2 points, but has 1.5; save the PitchTier"),
        (HEAD.format("PitchTier", 1.2) + "0\n", ": has no points"),
        (HEAD.format("PitchTier", 1.2) + "1\n0.1\n-220\n", ":8: -220 is no pitch in hertz"),
        (HEAD.format("PitchTier", 1.2) + "3\n0.1\n220\n0.5\n220\n0.9\n220\n", ": most rows are 0.4 s or more apart"),
        (HEAD.format("PitchTier", 30) + "1\n0.1\n220\n", ": is for 30.00 s of audio, but the clip has 1.20 s"),
        ("0,220\n0.01,220\n1.31,0\n1.32,221\n", ":4: 1.32 s is outside the clip, which has 1.20 s"),
        ("-0.12,220\n-0.11,220\n", ":1: -0.12 s is outside the clip"),
        ("# audio_sha256: 00\n0,220\n0.01,220\n", ": was made from other audio, by its audio_sha256"),
        (layer("MIDI Pitch"), ":5: the values are in 'MIDI Pitch'; export a time-value layer with the f0 in Hz"),
        (layer().replace('dimensions="2" res', 'dimensions="3" res'), ":5: has notes, regions or instants"),
        (layer(points='<point frame="x" value="1"/>'), ":7: frame is 'x', not a number"),
        (layer(points=" "), ": has no points"),
        (layer()[:900], ":18: is damaged ("),
        ("<sv></sv>", ": has 0 layers of points"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><sv>&b;</sv>', ":1: defines an entity"),
        ("{", ": is not valid JAMS (Invalid JSON"),
        (pitch("beat", "[]"), ": expected one annotation of a pitch (pitch_contour, pitch_hz, pitch_midi), got 0"),
        (pitch("pitch_hz", "[]"), ": the annotation of a pitch is empty"),
        (pitch("pitch_hz", '[{"time": 0, "value": "a"}]'), f"{ROW_0}is not valid JAMS"),
        (pitch("pitch_contour", '[{"time": 0, "value": 220}]'), f"{ROW_0}is not valid JAMS"),
        (pitch("pitch_hz", '{"time": [0], "value": []}'), ": is not valid JAMS (annotations.0.data"),
        (pitch("pitch_hz", '[{"time": NaN, "value": 1}]'), f"{ROW_0}the time is not finite"),
        (pitch("pitch_midi", '[{"time": 0, "value": 99999}]'), f"{ROW_0}the pitch is not finite"),
    ],
)  # fmt: skip
def test_bad_file_is_refused_in_one_line(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "a").write_text(content)
    with pytest.raises(AudioError, match=re.escape(f"{tmp_path / 'a'}{message}")) as raised, warnings.catch_warnings():
        warnings.simplefilter("ignore", WorkbenchWarning)
        read_pitch_track(tmp_path / "a", 1.2, "11")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "stated", "message"),
    [
        ("time,hz\n0,60\n", StatedUnits(pitch="midi"), ":1: the unit of the pitch is not clear"),
        ("time_ms,hz\n0,60\n", StatedUnits(time="s"), ":1: the times have another unit by the header"),
        (layer(), StatedUnits(pitch="midi"), ": names its units itself; state none"),
    ],
)
def test_stated_units_do_not_contradict_the_file(
    tmp_path: Path, content: str, stated: StatedUnits, message: str
) -> None:
    (tmp_path / "a").write_text(content)
    with pytest.raises(AudioError, match=re.escape(message)):
        read(tmp_path / "a", stated=stated)


@st.composite
def tables(draw: st.DrawFn) -> tuple[str, dict[float, float]]:
    """A table in any form, with the frequency of each time in ms."""
    truth = {
        float(t): float(hz)
        for t, hz in draw(st.dictionaries(st.integers(0, 40), st.integers(200, 900), min_size=2)).items()
    }
    separator = draw(st.sampled_from([",", ";", "\t", "  "]))
    comma = separator != "," and draw(st.booleans())
    rows = [f"{t / 1000:.4f}{separator}{hz:.2f}" for t, hz in truth.items()]
    rows = draw(st.permutations(rows + draw(st.lists(st.sampled_from(rows), max_size=3))))
    header = draw(st.sampled_from(["", "time{}frequency\n", "# by hand\n", "# made: by hand\nseconds{}Hz\n"]))
    content = (
        header.format(separator)
        + "\n".join(rows).replace(".", "," if comma else ".")
        + draw(st.sampled_from(["", "\n"]))
    )
    return content.replace("\n", draw(st.sampled_from(["\n", "\r\n", "\r"]))), truth


@settings(max_examples=100, deadline=None)
@given(table=tables())
def test_a_table_in_any_form_is_read_rightly(
    tmp_path_factory: pytest.TempPathFactory, table: tuple[str, dict[float, float]]
) -> None:
    content, truth = table
    path = tmp_path_factory.getbasetemp() / "table.csv"
    path.write_text(content, newline="")
    track = read(path, None)
    assert dict(zip(np.round(1000 * track.times_s, 6).tolist(), track.hz.tolist(), strict=True)) == dict(
        sorted(truth.items())
    )


@settings(max_examples=200, deadline=None)
@given(
    content=st.text("0123456789.,;-+ \t\n\r\"#eEnaif_:<>{}[]/'tsmhz\ufeff\0", max_size=60),
    start=st.sampled_from(["", '{"annotations": ', "<sv>", '"ooTextFile"\n"PitchTier"\n0 1 2\n', "time,hz\n0,220\n"]),
)
def test_no_text_raises_another_error(tmp_path_factory: pytest.TempPathFactory, content: str, start: str) -> None:
    path = tmp_path_factory.getbasetemp() / "text.csv"
    path.write_bytes((start + content).encode())
    try:
        track = read(path)
    except AudioError as error:
        assert "\n" not in str(error)
    else:
        assert np.isfinite(track.hz).all()


def test_the_file_beside_a_clip_is_found_by_its_name(tmp_path: Path) -> None:
    take = tmp_path / "take.wav"
    for name in ("take.wav", "take.json", "take2.csv", "take.f0.csv"):
        (tmp_path / name).touch()
    assert annotation_beside(take) is None
    (tmp_path / "take.PitchTier").touch()
    assert annotation_beside(take) == tmp_path / "take.PitchTier"
    (tmp_path / "take.CSV").touch()
    with pytest.raises(AudioError, match=r"several files of known f0 \(take.CSV and take.PitchTier\); keep one"):
        annotation_beside(take)
