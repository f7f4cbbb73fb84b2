"""The session protocol, and the one chunk loop that drives every session.

Everything that is compared is a `Session`: upstream in eager PyTorch, the restatement, a program of any format.
`run_chunks` passes the same chunks to each of them from the same zero state, so a difference between two runs is due to
the export and not to the harness.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.errors import ProgramError, first_line
from workbench.recipe.options import OUTPUTS, Output
from workbench.recipe.stream_config import StreamConfig
from workbench.units import ceil_div

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Frames:
    """Estimates in order of time. Each array is (frames,) or (streams, frames), float32, and owns its memory.

    `margin` is the activation of the best pitch bin minus that of the second best, divided by that of the best: 0 is a
    tie. It is None if the session does not return activations. `absent` names the outputs that the session does not
    return; their arrays are NaN.
    """

    pitch_semitones: Floats
    confidence: Floats
    volume: Floats
    margin: Floats | None = None
    absent: tuple[Output, ...] = field(default=(), kw_only=True)

    def __len__(self) -> int:
        return int(self.pitch_semitones.shape[-1])

    def of_stream(self, stream: int, frames: int) -> "Frames":
        """Returns copies of the first `frames` frames of the stream with the index `stream`."""

        def copy(array: Floats) -> Floats:
            return array[stream, :frames].copy()

        margin = None if self.margin is None else copy(self.margin)
        return Frames(copy(self.pitch_semitones), copy(self.confidence), copy(self.volume), margin, absent=self.absent)


class Session(Protocol):
    """Runs a stream chunk by chunk. It has a state, which it shares with no other session."""

    @property
    def stream(self) -> StreamConfig: ...

    def reset(self, stream: int | None = None) -> None:
        """Zeroes the state of one stream, or of all if `stream` is None: later steps return what a new session returns.

        Raises ProgramError if there is no stream of that index.
        """
        ...

    def step(self, chunk: Floats) -> Frames:
        """Runs one chunk.

        Args:
            chunk: (samples,) for one stream or (streams, samples), float32 in -1..1, of a length that the stream
                accepts.

        Returns:
            (frames,) or (streams, frames), copies that no later step overwrites.

        Raises:
            ProgramError: The stream does not accept the chunk (the state is then unchanged), or the program failed.
        """
        ...


def timed_step(session: Session, chunk: Floats) -> tuple[Frames, float]:
    """Returns the frames of one call, and how long the call took in milliseconds. Raises what the session raises."""
    started_s = time.perf_counter()
    frames = session.step(chunk)
    return frames, 1000 * (time.perf_counter() - started_s)


def validate_chunk(chunk: ArrayLike, stream: StreamConfig) -> Floats:
    """Returns a chunk as a new array (streams, samples) float32. Raises ProgramError if the stream does not accept it.

    Every session calls this before it runs: ExecuTorch accepts some wrong lengths, and they corrupt its state.
    """
    try:
        array = np.asarray(chunk)
    except (ValueError, TypeError, RuntimeError) as error:
        raise ProgramError(f"chunk: expected an array of float32 samples ({first_line(error)})") from error
    if array.dtype.kind != "f":
        raise ProgramError(f"chunk: expected float32 samples in -1..1, got {array.dtype}")
    leading_shapes: list[tuple[int, ...]] = [(stream.streams,)] if stream.streams > 1 else [(), (1,)]
    if array.ndim == 0 or array.shape[:-1] not in leading_shapes:
        expected = f"({stream.streams}, samples)" if stream.streams > 1 else "(samples,)"
        raise ProgramError(f"chunk: expected shape {expected}, got {array.shape}")
    if not stream.accepts(array.shape[-1]):
        expected = f"{stream.chunk_samples} samples"
        if stream.dynamic:
            expected = f"{stream.frames_per_chunk} to {stream.max_frames} hops of {stream.hop_samples} samples"
        raise ProgramError(f"chunk: expected {expected}, got {array.shape[-1]} samples")
    return np.array(array, np.float32, order="C", ndmin=2)


def require_file(path: Path) -> None:
    """Raises ProgramError if there is no file to load."""
    if path.is_dir():
        raise ProgramError(f"{path}: is a folder; name the file of the program in it, such as program.pte")
    if not path.is_file():
        raise ProgramError(f"{path}: no such program; `workbench build RECIPE` makes one")


def validate_stream_index(index: int | None, stream: StreamConfig) -> None:
    """Raises ProgramError if there is no stream of that index to reset. None stands for all."""
    if index is not None and index not in range(stream.streams):
        raise ProgramError(f"reset: expected a stream from 0 to {stream.streams - 1}, got {index}")


def to_frames(returned: Sequence[Floats], outputs: Sequence[Output], chunk: Floats, stream: StreamConfig) -> Frames:
    """Converts what a program returned for a chunk.

    Args:
        returned: (streams, frames) for each output, in this order; more arrays may follow.
        outputs: Which outputs the program has.
        chunk: The session's input.
        stream: The session's stream.

    Returns:
        Copies; NaN for the outputs that the program does not have. Without the stream axis if the chunk has none.

    Raises:
        ProgramError: The program returned arrays of other shapes.
    """
    one_dimensional = np.ndim(chunk) == 1
    expected = (stream.streams, np.shape(chunk)[-1] // stream.hop_samples)
    shapes = [np.shape(values) for values in returned[: len(outputs)]]
    if shapes != [expected] * len(outputs):
        raise ProgramError(
            f"the program returned {shapes}; expected {','.join(outputs)} of {expected}; rebuild the program"
        )
    arrays = [np.array(values[0] if one_dimensional else values, np.float32) for values in returned[: len(outputs)]]
    absent = tuple(name for name in OUTPUTS if name not in outputs)
    if not absent:
        return Frames(*arrays)
    by_name = dict(zip(outputs, arrays, strict=True))
    return Frames(*(by_name.get(name, np.full_like(arrays[0], np.nan)) for name in OUTPUTS), absent=absent)


def chunk_schedule(samples: int, stream: StreamConfig, sizes: Sequence[int] | None = None) -> Iterator[int]:
    """Yields the number of frames of each call, until the calls together have at least `samples` samples.

    `sizes` is repeated; by default every call has the smallest size. A call takes only the frames that are left if they
    are fewer than its size, but never fewer than the smallest size.
    """
    frames_left = ceil_div(samples, stream.hop_samples)
    for size in cycle(sizes or stream.sizes[:1]):
        if frames_left <= 0:
            return
        frames = max(min(size, frames_left), stream.frames_per_chunk)
        frames_left -= frames
        yield frames


def random_sizes(stream: StreamConfig, seed: int, rounds: int = 16) -> tuple[int, ...]:
    """Returns the frames of successive calls in random order: in each round, every size of the stream once."""
    order = np.random.default_rng(seed)
    return tuple(int(size) for _ in range(rounds) for size in order.permutation(stream.sizes))


def chunks(samples: Floats, stream: StreamConfig, sizes: Sequence[int] | None = None) -> Iterator[Floats]:
    """Cuts (n,) or (streams, n) by `chunk_schedule`; the last chunk is padded with silence."""
    begin = 0
    for frames in chunk_schedule(samples.shape[-1], stream, sizes):
        end = begin + frames * stream.hop_samples
        chunk = samples[..., begin:end]
        missing = end - begin - chunk.shape[-1]
        yield np.pad(chunk, [(0, 0)] * (samples.ndim - 1) + [(0, missing)]) if missing else chunk
        begin = end


def run_chunks(session: Session, samples: Floats, sizes: Sequence[int] | None = None) -> Frames:
    """Resets the session and runs a clip through it, chunk by chunk.

    Args:
        session: What to run.
        samples: (n,) or (streams, n) float32 at the stream's rate, n >= 1.
        sizes: Frames of successive calls, repeated; by default the smallest.

    Returns:
        The frames of the clip, padded with silence to whole chunks.
    """
    session.reset()
    steps = []
    for chunk in chunks(samples, session.stream, sizes):
        steps.append(session.step(chunk))
    return concat_frames(steps)


def run_clips(session: Session, clips: Sequence[Floats], sizes: Sequence[int] | None = None) -> list[Frames]:
    """Runs clips (n,) through a session, and returns for each clip as many frames as if it ran by itself.

    A session with one stream runs them one after another. One with several streams runs as many side by side, and after
    a reset the next ones: shorter clips are padded with silence, and streams without a clip receive clips again.
    """
    streams = session.stream.streams
    if streams == 1:
        return [run_chunks(session, clip, sizes) for clip in clips]
    batches = [clips[first : first + streams] for first in range(0, len(clips), streams)]
    return [frames for batch in batches for frames in _run_side_by_side(session, batch, sizes)]


def _run_side_by_side(session: Session, clips: Sequence[Floats], sizes: Sequence[int] | None) -> list[Frames]:
    """Runs at most one clip per stream; streams without a clip receive the first clips again."""
    stream = session.stream
    rows = np.zeros((stream.streams, max(len(clip) for clip in clips)), np.float32)
    for row, clip in zip(rows, cycle(clips), strict=False):
        row[: len(clip)] = clip
    frames = run_chunks(session, rows, sizes)
    return [frames.of_stream(index, sum(chunk_schedule(len(clip), stream, sizes))) for index, clip in enumerate(clips)]


def concat_frames(parts: Sequence[Frames]) -> Frames:
    """Joins the frames of successive steps or clips. `margin` is None unless every part has it."""
    margins = [part.margin for part in parts if part.margin is not None]
    return Frames(
        np.concatenate([part.pitch_semitones for part in parts], -1),
        np.concatenate([part.confidence for part in parts], -1),
        np.concatenate([part.volume for part in parts], -1),
        np.concatenate(margins, -1) if len(margins) == len(parts) else None,
        absent=parts[0].absent,
    )


def frame_end_s(count: int, stream: StreamConfig) -> NDArray[np.float64]:
    """Returns (count,) seconds: when the hop of each frame ends, counted from the start of the clip."""
    return (np.arange(count, dtype=np.float64) + 1) * stream.hop_samples / stream.sample_rate_hz
