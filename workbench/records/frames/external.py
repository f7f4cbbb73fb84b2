"""Frames from another device, for example a phone: files with the outputs that a program gave for each clip.

A CSV has a header and one row per frame, in order. Its columns are those of a bundle's golden frames:
`pitch_semitones`, `confidence` and `volume` as the program returned them (those that the recipe's outputs name).
Optional columns are `clip` (without it the file is named after its clip), `call` (rows of the same call share a number;
without it every call has the smallest size), and `frame` and `stream`, which are only checked. Other columns are
ignored. The `frames/*.npz` of a run are read too.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.audio.decode import Clip, file_stem
from workbench.errors import WorkbenchError, did_you_mean
from workbench.recipe.options import OUTPUTS, Output
from workbench.recipe.stream_config import StreamConfig
from workbench.records.result import FramesUsed
from workbench.runtime.session import Frames, chunk_schedule
from workbench.storage.hashing import sha256_of
from workbench.storage.npz import read_npz_columns

_COLUMN_OF: dict[Output, str] = {"pitch": "pitch_semitones", "confidence": "confidence", "volume": "volume"}
_NPZ, _CSV = ".npz", ".csv"
_NAMED_CLIPS = 5  # clips that a message lists


@dataclass(frozen=True)
class ExternalFrames:
    """The frames of one clip, the number of frames of each call, and the file they are from."""

    frames: Frames
    calls: tuple[int, ...]
    used: FramesUsed


@dataclass(frozen=True)
class _Table:
    """The frames of one clip in a file: (frames,) float32 by output, and the frames of each call if the file has them.

    `clip` is the name that the file has for the clip.
    """

    path: Path
    sha256: str
    clip: str
    outputs: dict[Output, NDArray[np.float32]]
    calls: tuple[int, ...] | None


@dataclass(frozen=True)
class _Row:
    path: Path
    line: int
    cells: dict[str, str]

    def number(self, column: str) -> float:
        try:
            return float(self.cells[column])
        except ValueError:
            text = self.cells[column]
            raise WorkbenchError(f"{self.path}:{self.line}: {column} is {text!r}, expected a number") from None


def read_external_frames(
    places: Sequence[Path], clips: Sequence[Clip], stream: StreamConfig, outputs: Sequence[Output]
) -> dict[str, ExternalFrames]:
    """Reads the frames in files and in folders of files.

    Args:
        places: .csv or .npz files, or folders of them.
        clips: the clips that the frames may be of.
        stream: the stream that the program ran.
        outputs: the outputs that the program has.

    Returns:
        The frames by the name of their clip.

    Raises:
        WorkbenchError: for the first mistake: a file that cannot be read, a missing column, a cell that is no number, a
            clip that is unknown or has frames twice, or frames or calls that do not fit the clip.
    """
    found: dict[str, ExternalFrames] = {}
    for path in (file for place in places for file in _files(place)):
        tables = _read_npz(path, outputs, stream) if path.suffix.lower() == _NPZ else _read_csv(path, outputs)
        for table in tables:
            clip = _clip_of(table, clips)
            if clip.name in found:
                earlier = found[clip.name].used.file
                raise WorkbenchError(f"{path}: the frames of {clip.name} are already in {earlier}; remove one of them")
            found[clip.name] = _external_frames(table, clip, stream)
    return found


def _files(place: Path) -> list[Path]:
    if not place.exists():
        raise WorkbenchError(f"{place}: no such file or folder of frames; check the path")
    if not place.is_dir():
        return [place]
    files = sorted(file for file in place.iterdir() if file.suffix.lower() in (_CSV, _NPZ))
    if not files:
        raise WorkbenchError(f"{place}: no frames in this folder; expected .csv files, or the .npz files of a run")
    return files


def _read_csv(path: Path, outputs: Sequence[Output]) -> list[_Table]:
    content = path.read_bytes()
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
        header = [name.strip() for name in reader.fieldnames or ()]
        reader.fieldnames = header
        lines = [(reader.line_num, cells) for cells in reader]
    except (UnicodeDecodeError, csv.Error):
        raise WorkbenchError(f"{path}: not a text file of comma-separated values; export it as UTF-8") from None
    columns = [_COLUMN_OF[output] for output in OUTPUTS if output in outputs]
    missing = [name for name in columns if name not in header]
    if missing:
        raise WorkbenchError(
            f"{path}: no column {', '.join(missing)}; expected {', '.join(columns)} in the first line, and one row per "
            "frame below"
        )
    by_clip: dict[str, list[_Row]] = {}
    for line, cells in lines:
        row = _row(path, line, cells, len(header))
        if row is not None:
            by_clip.setdefault(row.cells.get("clip", path.stem), []).append(row)
    if not by_clip:
        raise WorkbenchError(f"{path}: has no frames; expected one row per frame below the first line")
    sha256 = sha256_of(content)
    return [_table(path, sha256, clip, rows, outputs) for clip, rows in by_clip.items()]


def _row(path: Path, line: int, cells: dict[str, str], columns: int) -> _Row | None:
    """Checks the number of cells; None for a row of blank cells. `csv` puts cells extra the header under None, and
    has None for a cell that is missing."""
    extra = cells.pop(None, [])  # type: ignore[call-overload]
    present = {name: text.strip() for name, text in cells.items() if text is not None}
    if not any([*present.values(), *(text.strip() for text in extra)]):
        return None
    count = len(present) + len(extra)
    if count != columns:
        raise WorkbenchError(f"{path}:{line}: expected {columns} columns as in the first line, got {count}")
    return _Row(path, line, present)


def _table(path: Path, sha256: str, clip: str, rows: Sequence[_Row], outputs: Sequence[Output]) -> _Table:
    """The rows of one clip, if they are one stream in order."""
    streams = {row.cells.get("stream") for row in rows}
    if len(streams) > 1:
        raise WorkbenchError(
            f"{path}: has {len(streams)} streams for {clip}; write a file for each, or name a clip for each in the "
            "column clip"
        )
    if "frame" in rows[0].cells:
        for expected, row in enumerate(rows):
            frame = row.number("frame")
            if frame != expected:
                raise WorkbenchError(
                    f"{path}:{row.line}: expected frame {expected}, got {frame:g}; write each frame once, in order"
                )
    calls = None
    if "call" in rows[0].cells:
        numbers = [row.number("call") for row in rows]
        if any(later < earlier for earlier, later in pairwise(numbers)):
            raise WorkbenchError(f"{path}: the calls of {clip} are out of order; sort the rows by call and frame")
        calls = tuple(len(list(group)) for _, group in groupby(numbers))
    values = {
        output: np.array([row.number(_COLUMN_OF[output]) for row in rows], np.float32)
        for output in OUTPUTS
        if output in outputs
    }
    return _Table(path, sha256, clip, values, calls)


def _read_npz(path: Path, outputs: Sequence[Output], stream: StreamConfig) -> list[_Table]:
    """The variant's frames of a clip as a run stores them, which does not have the sizes of the calls."""
    if stream.dynamic:
        raise WorkbenchError(
            f"{path}: the frames of a run do not have the sizes of the calls, which vary for this recipe; use a .csv"
        )
    content = path.read_bytes()
    names = {output: f"variant_{_COLUMN_OF[output]}" for output in OUTPUTS if output in outputs}
    try:
        stored = read_npz_columns(content, list(names.values()))
    except ValueError as error:
        raise WorkbenchError(
            f"{path}: not a file of frames from a run; use a .npz from its frames/ folder, or a .csv"
        ) from error
    values = {output: stored[name].astype(np.float32) for output, name in names.items()}
    return [_Table(path, sha256_of(content), path.stem, values, None)]


def _clip_of(table: _Table, clips: Sequence[Clip]) -> Clip:
    """Returns the clip of a table: by its name, by its file name in a run, or by the last part of its name."""
    same_name = [clip for clip in clips if table.clip in (clip.name, file_stem(clip.name))]
    same_last_part = [clip for clip in clips if table.clip == clip.name.rpartition("/")[2]]
    for found in (same_name, same_last_part):
        if len(found) == 1:
            return found[0]
    names = [clip.name for clip in clips]
    hint = did_you_mean(table.clip, names)
    if not hint:
        more = ", ..." if len(names) > _NAMED_CLIPS else ""
        hint = f"; the scored clips are {', '.join(names[:_NAMED_CLIPS])}{more}"
    raise WorkbenchError(f"{table.path}: no scored clip has the name {table.clip}{hint}")


def _external_frames(table: _Table, clip: Clip, stream: StreamConfig) -> ExternalFrames:
    """Checks the frames and calls of a table against its clip. An output that the program does not have is NaN."""
    for size in table.calls or ():
        if size not in stream.sizes:
            sizes = f"{stream.sizes[0]} to {stream.max_frames}" if stream.dynamic else f"{stream.sizes[0]}"
            raise WorkbenchError(f"{table.path}: a call for {clip.name} has {size} frames, expected {sizes}")
    frame_count = len(next(iter(table.outputs.values())))
    calls = tuple(chunk_schedule(len(clip.samples), stream, table.calls))
    if frame_count != sum(calls) or table.calls not in (None, calls):
        raise WorkbenchError(
            f"{table.path}: {frame_count} frames for {clip.name}, expected {sum(calls)} ({clip.duration_s:.2f} s, one "
            f"frame per {stream.hop_samples} samples at {stream.sample_rate_hz} Hz); run the whole clip once, from a "
            "reset"
        )
    absent = tuple(output for output in OUTPUTS if output not in table.outputs)
    missing = np.full(frame_count, np.nan, np.float32)
    frames = Frames(*(table.outputs.get(output, missing) for output in OUTPUTS), absent=absent)
    return ExternalFrames(frames, calls, FramesUsed(file=table.path.name, clip=clip.name, sha256=table.sha256))
