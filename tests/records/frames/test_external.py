"""Frames from another device: the files that are read, and the message for each mistake in them."""

from pathlib import Path

import numpy as np
import pytest

from workbench.audio.decode import Clip
from workbench.errors import WorkbenchError
from workbench.recipe.options import OUTPUTS, Output
from workbench.recipe.stream_config import StreamConfig
from workbench.records.frames.external import ExternalFrames, read_external_frames

STREAM = StreamConfig(1000, 10, 1, 0.0)
SIZES = StreamConfig(1000, 10, 1, 0.0, max_frames_per_chunk=3)
HEADER = "pitch_semitones,confidence,volume"


def clip(name: str, samples: int = 35) -> Clip:
    return Clip(name, Path(name), "a" * 64, 1000, np.zeros(samples, np.float32), 1000, 1, None)


CLIPS = (clip("synthetic/score/alto"), clip("synthetic/score/bass"), clip("sung/alto"))


def read(
    path: Path,
    text: str | bytes = "",
    clips: tuple[Clip, ...] = CLIPS,
    stream: StreamConfig = STREAM,
    outputs: tuple[Output, ...] = OUTPUTS,
) -> dict[str, ExternalFrames]:
    if text:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_external_frames([path], clips, stream, outputs)


def rows(count: int = 4, first: str = "") -> str:
    return "".join(f"{first}{60 + index},0.{index},{index}e-3\n" for index in range(count))


def calls(header: str, *first_cells: str) -> str:
    return f"{header},{HEADER}\n" + "".join(f"{cells},60,0.5,1e-3\n" for cells in first_cells)


def test_csv_named_after_its_clip(tmp_path: Path) -> None:
    ((name, recorded),) = read(tmp_path / "bass.csv", f"{HEADER}\n{rows()}").items()
    assert name == "synthetic/score/bass"
    np.testing.assert_array_equal(recorded.frames.pitch_semitones, np.float32([60, 61, 62, 63]))
    np.testing.assert_array_equal(recorded.frames.confidence, np.float32([0, 0.1, 0.2, 0.3]))
    np.testing.assert_array_equal(recorded.frames.volume, np.float32([0, 1e-3, 2e-3, 3e-3]))
    assert recorded.calls == (1, 1, 1, 1)
    assert (recorded.used.file, recorded.used.clip, len(recorded.used.sha256)) == ("bass.csv", name, 64)


def test_csv_columns_in_any_order_with_blank_lines(tmp_path: Path) -> None:
    text = "\ufeffvolume, extra ,pitch_semitones,confidence\r\n" + "inf, x ,nan,0.5\r\n\r\n" * 4
    frames = read(tmp_path / "sung-alto.csv", text)["sung/alto"].frames
    assert np.isnan(frames.pitch_semitones).all() and np.isinf(frames.volume).all()
    assert frames.confidence.tolist() == [0.5] * 4


def test_csv_column_clip_names_the_clips(tmp_path: Path) -> None:
    names = ("sung/alto", "synthetic/score/bass")
    text = f"clip,{HEADER}\n" + "".join(rows(first=f"{name},") for name in names)
    assert tuple(read(tmp_path / "phone.csv", text)) == names


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        (f"{HEADER}\n{rows()}", (1, 1, 1, 1)),
        (calls("call", "0", "0", "0", "1"), (3, 1)),
        (calls("call,frame,stream", "0,0,0", "1,1,0", "2,2,0", "3,3,0"), (1, 1, 1, 1)),
    ],
    ids=["no-calls", "calls", "golden-frames"],
)
def test_csv_column_call_groups_the_frames(text: str, sizes: tuple[int, ...], tmp_path: Path) -> None:
    assert read(tmp_path / "bass.csv", text, stream=SIZES)["synthetic/score/bass"].calls == sizes


def test_csv_needs_only_the_outputs_of_the_recipe(tmp_path: Path) -> None:
    text = "pitch_semitones\n60\n61\n62\n63\n"
    frames = read(tmp_path / "bass.csv", text, outputs=("pitch",))["synthetic/score/bass"].frames
    assert frames.absent == ("confidence", "volume")
    assert np.isnan(frames.confidence).all()


NO_COLUMN = (
    ": no column pitch_semitones, volume; expected pitch_semitones, confidence, volume in the first line, and one row "
    "per frame below"
)
TOO_MANY = (
    ": 5 frames for synthetic/score/bass, expected 4 (0.04 s, one frame per 10 samples at 1000 Hz); run the whole clip "
    "once, from a reset"
)
TWICE = ": the frames of synthetic/score/bass are already in bass.csv; remove one of them"
STREAMS = ": has 2 streams for bass; write a file for each, or name a clip for each in the column clip"
UNKNOWN = (
    ": no scored clip has the name bess; the scored clips are synthetic/score/alto, synthetic/score/bass, sung/alto"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ": no such file or folder of frames; check the path"),
        (b"\x89PNG\xff", ": not a text file of comma-separated values; export it as UTF-8"),
        ("pitch,confidence\n60,0.5\n", NO_COLUMN),
        (f"{HEADER}\n\n", ": has no frames; expected one row per frame below the first line"),
        (f"{HEADER}\n60,0.5\n", ":2: expected 3 columns as in the first line, got 2"),
        (f"{HEADER}\n60,0.5,1,9\n", ":2: expected 3 columns as in the first line, got 4"),
        (f"{HEADER}\n60,0.5,1\nC4,0.5,1\n", ":3: pitch_semitones is 'C4', expected a number"),
        (f"{HEADER}\n{rows(5)}", TOO_MANY),
        (calls("frame", "0", "2"), ":3: expected frame 1, got 2; write each frame once, in order"),
        (calls("stream", "0", "1"), STREAMS),
        (calls("call", "1", "0"), ": the calls of bass are out of order; sort the rows by call and frame"),
        (calls("call", "0", "0"), ": a call for synthetic/score/bass has 2 frames, expected 1"),
        (calls("clip", "bess"), UNKNOWN),
        (
            calls("clip", "alto"),
            ": no scored clip has the name alto (did you mean 'sung/alto'?)",
        ),  # two clips end in alto
        (calls("clip", "sung/alt"), ": no scored clip has the name sung/alt (did you mean 'sung/alto'?)"),
        (calls("clip", *["bass"] * 4, *["synthetic/score/bass"] * 4), TWICE),
    ],
)
def test_invalid_csv_is_an_error(tmp_path: Path, text: str | bytes, message: str) -> None:
    path = tmp_path / "bass.csv"
    with pytest.raises(WorkbenchError) as caught:
        read(path, text)
    assert str(caught.value) == f"{path}{message}"


def test_empty_folder_or_npz_of_varying_calls_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match="no frames in this folder"):
        read(tmp_path)
    with pytest.raises(WorkbenchError, match="the sizes of the calls, which vary"):
        read(tmp_path / "bass.npz", b"PK", stream=SIZES)
