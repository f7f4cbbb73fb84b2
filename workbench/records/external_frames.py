"""Frames that were recorded elsewhere, on a phone say: files that say what a program answered to which clip.

A CSV has a header and a row a frame, in order, with the columns of a bundle's golden frames: `pitch_semitones`,
`confidence` and `volume` as the program gave them (those that the recipe's outputs name). It may have `clip` (else the
file is named after its clip), `call` (the rows of one call share its number; else every call is of the smallest size),
and `frame` and `stream`, which are then checked. Other columns are left alone. A run's `frames/*.npz` are read as well.
"""

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np

from workbench.audio.decode import Clip, file_stem
from workbench.errors import WorkbenchError, did_you_mean
from workbench.recipe.options import OUTPUTS, Output
from workbench.recipe.stream_config import StreamConfig
from workbench.records.result import FramesUsed
from workbench.runtime.session import Frames, chunk_schedule
from workbench.storage.npz import read_npz_columns

_COLUMN_OF: dict[Output, str] = {"pitch": "pitch_semitones", "confidence": "confidence", "volume": "volume"}
_NPZ, _CSV = ".npz", ".csv"


@dataclass(frozen=True)
class ExternalFrames:
    """The frames of one clip, the frames of each call that gave them, and the file that they are from."""

    frames: Frames
    calls: tuple[int, ...]
    used: FramesUsed


@dataclass(frozen=True)
class _Table:
    """What a file says of one clip: a list of numbers for each output, and of each call's frames where it says so."""

    path: Path
    sha256: str
    clip: str
    numbers: dict[Output, list[float]]
    calls: tuple[int, ...] | None


def read_recorded(
    places: Sequence[Path], clips: Sequence[Clip], stream: StreamConfig, outputs: Sequence[Output]
) -> dict[str, ExternalFrames]:
    """The frames in files, and in folders of files, by the name of their clip; `clips` are those that may be named.

    Raises WorkbenchError for the first mistake in them: a file that is none, a column that is missing, a cell that is
    no number, a clip that is not known or named twice, and frames or calls that are not those of the clip.
    """
    found: dict[str, ExternalFrames] = {}
    for path in (file for place in places for file in _files(place)):
        for table in _npz(path, outputs, stream) if path.suffix.lower() == _NPZ else _csv(path, outputs):
            clip = _clip_of(table, clips)
            if clip.name in found:
                raise WorkbenchError(f"{path}: frames of {clip.name}, which {found[clip.name].used.file} has already")
            found[clip.name] = _recorded(table, clip, stream)
    return found


def _files(place: Path) -> list[Path]:
    if not place.exists():
        raise WorkbenchError(f"{place}: no such file or folder of frames; check the path")
    if not place.is_dir():
        return [place]
    files = sorted(file for file in place.iterdir() if file.suffix.lower() in (_CSV, _NPZ))
    if not files:
        raise WorkbenchError(f"{place}: no frames in this folder; wants .csv files, or a run's .npz")
    return files


def _csv(path: Path, outputs: Sequence[Output]) -> list[_Table]:
    content = path.read_bytes()
    try:
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error):
        raise WorkbenchError(f"{path}: not a text file of comma-separated values; export it as UTF-8") from None
    header = [name.strip() for name in rows[0]] if rows else []
    wanted = [_COLUMN_OF[output] for output in OUTPUTS if output in outputs]
    if missing := [name for name in wanted if name not in header]:
        raise WorkbenchError(
            f"{path}: no column {', '.join(missing)}; wants {', '.join(wanted)} in its first line, a row a frame below"
        )
    column = {name: at for at, name in reversed(list(enumerate(header)))}
    by_clip: dict[str, list[tuple[int, list[str]]]] = {}
    for line, row in enumerate(rows[1:], start=2):
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if len(cells) != len(header):
            raise WorkbenchError(f"{path}:{line}: {len(cells)} columns where the first line names {len(header)}")
        by_clip.setdefault(cells[column["clip"]] if "clip" in column else path.stem, []).append((line, cells))
    if not by_clip:
        raise WorkbenchError(f"{path}: no frames in it; wants a row a frame below the first line")
    sha256 = hashlib.sha256(content).hexdigest()
    return [_table(path, sha256, clip, lines, column, outputs) for clip, lines in by_clip.items()]


def _table(
    path: Path,
    sha256: str,
    clip: str,
    lines: Sequence[tuple[int, list[str]]],
    column: dict[str, int],
    outputs: Sequence[Output],
) -> _Table:
    """The rows of one clip, checked for their order."""

    def number(line: int, cells: list[str], name: str) -> float:
        try:
            return float(cells[column[name]])
        except ValueError:
            raise WorkbenchError(f"{path}:{line}: {name} is {cells[column[name]]!r}, not a number") from None

    if "stream" in column and len(streams := {cells[column["stream"]] for _, cells in lines}) > 1:
        raise WorkbenchError(
            f"{path}: {len(streams)} streams for {clip}; give each a file, or a clip of its own in the column clip"
        )
    if "frame" in column:
        for due, (line, cells) in enumerate(lines):
            if (frame := number(line, cells, "frame")) != due:
                raise WorkbenchError(f"{path}:{line}: frame {frame:g} where {due} is due; give each once, in order")
    calls = None
    if "call" in column:
        numbers = [number(line, cells, "call") for line, cells in lines]
        if any(later < earlier for earlier, later in pairwise(numbers)):
            raise WorkbenchError(f"{path}: calls of {clip} out of order; sort the rows by call and frame")
        calls = tuple(len(list(rows)) for _, rows in groupby(numbers))
    values = {
        output: [number(line, cells, _COLUMN_OF[output]) for line, cells in lines]
        for output in OUTPUTS
        if output in outputs
    }
    return _Table(path, sha256, clip, values, calls)


def _npz(path: Path, outputs: Sequence[Output], stream: StreamConfig) -> list[_Table]:
    """What a run left of a clip. It does not say the calls."""
    if stream.dynamic:
        raise WorkbenchError(f"{path}: a run's frames do not tell their calls, whose sizes vary here; give a .csv")
    content, names = path.read_bytes(), {out: f"variant_{_COLUMN_OF[out]}" for out in OUTPUTS if out in outputs}
    try:
        stored = read_npz_columns(content, list(names.values()))
    except ValueError as error:
        raise WorkbenchError(f"{path}: not frames that a run left; give those of its frames/, or a .csv") from error
    values = {out: stored[name].tolist() for out, name in names.items()}
    return [_Table(path, hashlib.sha256(content).hexdigest(), path.stem, values, None)]


def _clip_of(table: _Table, clips: Sequence[Clip]) -> Clip:
    """By its whole name, by that name as a run's files have it, or by its last part where only one has that."""
    for named in (
        [clip for clip in clips if table.clip in (clip.name, file_stem(clip.name))],
        [clip for clip in clips if table.clip == clip.name.rpartition("/")[2]],
    ):
        if len(named) == 1:
            return named[0]
    names = [clip.name for clip in clips]
    near = did_you_mean(table.clip, names) or f"; there are {', '.join(names[:5])}{', ...' * (len(names) > 5)}"
    raise WorkbenchError(f"{table.path}: no scored clip is called {table.clip}{near}")


def _recorded(table: _Table, clip: Clip, stream: StreamConfig) -> ExternalFrames:
    """Raises WorkbenchError where the frames or calls are not those that the clip gives."""
    found = len(next(iter(table.numbers.values())))
    for size in table.calls or ():
        if size not in stream.sizes:
            sizes = f"{stream.sizes[0]} to {stream.max_frames}" if stream.dynamic else f"{stream.sizes[0]}"
            raise WorkbenchError(f"{table.path}: a call of {size} frames for {clip.name}; this stream takes {sizes}")
    calls = tuple(chunk_schedule(len(clip.samples), stream, table.calls))
    if found != sum(calls) or table.calls not in (None, calls):
        raise WorkbenchError(
            f"{table.path}: {found} frames for {clip.name}, which has {sum(calls)} ({clip.duration_s:.2f} s, a frame "
            f"each {stream.hop_samples} samples at {stream.sample_rate_hz} Hz); feed all of it, once, from a reset"
        )
    arrays = {output: np.array(numbers, np.float32) for output, numbers in table.numbers.items()}
    absent = tuple(output for output in OUTPUTS if output not in arrays)
    frames = Frames(*(arrays.get(output, np.full(found, np.nan, np.float32)) for output in OUTPUTS), absent=absent)
    return ExternalFrames(frames, calls, FramesUsed(file=table.path.name, clip=clip.name, sha256=table.sha256))
