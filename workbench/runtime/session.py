"""A session, and the one chunk loop that drives every session.

Whatever is compared is a `Session`: upstream in eager PyTorch, the restatement, a program of any format. `roll` feeds
each of them the same chunks from the same empty memory, so that a difference between two rolls is the export's and not
the harness's.
"""

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

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Frames:
    """Estimates in order of time; each array is (frames,), or (streams, frames), float32 and owns its memory.

    `margin` is how far the best pitch bin stands above the second best, relative to the best: 0 is a tie. It is None
    where a session does not return activations. `absent` names the outputs that it does not return: they are NaN.
    """

    pitch_semitones: Floats
    confidence: Floats
    volume: Floats
    margin: Floats | None = None
    absent: tuple[Output, ...] = field(default=(), kw_only=True)

    def __len__(self) -> int:
        return int(self.pitch_semitones.shape[-1])

    def of_stream(self, stream: int, frames: int) -> "Frames":
        """The first `frames` of one of several streams, as copies."""

        def own(array: Floats) -> Floats:
            return array[stream, :frames].copy()

        margin = None if self.margin is None else own(self.margin)
        return Frames(own(self.pitch_semitones), own(self.confidence), own(self.volume), margin, absent=self.absent)


class Session(Protocol):
    """A stream with memory, which no other session shares.

    `reset` empties the memory, of all streams or of one: what follows equals a fresh session. `step` takes (samples,)
    for one stream or (streams, samples), float32 in -1..1, of a length that `stream.takes`, and returns (frames,) or
    (streams, frames), copies that no later step overwrites. It raises ProgramError, and changes nothing, for any other
    chunk.
    """

    @property
    def stream(self) -> StreamConfig: ...

    def reset(self, stream: int | None = None) -> None: ...

    def step(self, chunk: Floats) -> Frames: ...


def validate_chunk(chunk: ArrayLike, stream: StreamConfig) -> Floats:
    """A chunk as a new array (streams, samples), float32. Raises ProgramError for one that the stream does not take.

    Every session asks here before anything runs: ExecuTorch accepts some wrong sizes, and spoils its memory.
    """
    try:
        given = np.asarray(chunk)
    except (ValueError, TypeError, RuntimeError) as error:
        raise ProgramError(f"a chunk that is no array ({first_line(error)}); wants float32 samples") from error
    if given.dtype.kind != "f":
        raise ProgramError(f"a chunk of {given.dtype}; wants float32 samples in -1..1")
    if given.shape[:-1] not in ([(stream.streams,)] if stream.streams > 1 else [(), (1,)]) or not given.ndim:
        wanted = f"({stream.streams}, samples)" if stream.streams > 1 else "(samples,)"
        raise ProgramError(f"a chunk of shape {given.shape}; this stream takes {wanted}")
    if not stream.accepts(given.shape[-1]):
        wanted = f"{stream.chunk_samples}"
        if stream.dynamic:
            wanted = f"{stream.frames_per_chunk} to {stream.max_frames} hops of {stream.hop_samples}"
        raise ProgramError(f"a chunk of {given.shape[-1]} samples; this stream takes {wanted}")
    return np.array(given, np.float32, order="C", ndmin=2)


def require_file(path: Path) -> None:
    """Raise ProgramError where there is no such file to load."""
    if not path.is_file():
        raise ProgramError(f"{path}: no such program; `workbench build RECIPE` makes one")


def validate_stream_index(which: int | None, stream: StreamConfig) -> None:
    """Raise ProgramError where there is no stream of that number to reset."""
    if which is not None and which not in range(stream.streams):
        raise ProgramError(f"no stream {which} to reset; there are {stream.streams}, counted from 0")


def to_frames(returned: Sequence[Floats], outputs: Sequence[Output], chunk: Floats, stream: StreamConfig) -> Frames:
    """What a program returned for that chunk, (streams, frames) each and first its `outputs`, as copies; NaN for those
    it has not. Without the axis of the one stream where the chunk has none.

    Raises ProgramError where it returned anything else.
    """
    flat = np.ndim(chunk) == 1
    wanted = (stream.streams, np.shape(chunk)[-1] // stream.hop_samples)
    shapes = [np.shape(values) for values in returned[: len(outputs)]]
    if shapes != [wanted] * len(outputs):
        raise ProgramError(f"the program returned {shapes}, not {','.join(outputs)} of {wanted}; build it again")
    own = [np.array(values[0] if flat else values, np.float32) for values in returned[: len(outputs)]]
    absent = tuple(name for name in OUTPUTS if name not in outputs)
    if not absent:
        return Frames(*own)
    found = dict(zip(outputs, own, strict=True))
    return Frames(*(found.get(name, np.full_like(own[0], np.nan)) for name in OUTPUTS), absent=absent)


def chunk_schedule(samples: int, stream: StreamConfig, sizes: Sequence[int] | None = None) -> Iterator[int]:
    """The frames of each call that together take so many samples: `sizes` over and over, the smallest by default.

    The last calls take what is left, or the smallest size where that is less.
    """
    left = -(-samples // stream.hop_samples)
    for size in cycle(sizes or stream.sizes[:1]):
        if left <= 0:
            return
        frames = max(min(size, left), stream.frames_per_chunk)
        left -= frames
        yield frames


def random_sizes(stream: StreamConfig, seed: int, rounds: int = 16) -> tuple[int, ...]:
    """Frames of successive calls in random order from a fixed seed: in each round, every size of the stream once."""
    order = np.random.default_rng(seed)
    return tuple(int(size) for _ in range(rounds) for size in order.permutation(stream.sizes))


def chunks(samples: Floats, stream: StreamConfig, sizes: Sequence[int] | None = None) -> Iterator[Floats]:
    """(n,) or (streams, n) cut by `schedule`; the last chunk is filled up with silence."""
    at = 0
    for frames in chunk_schedule(samples.shape[-1], stream, sizes):
        end = at + frames * stream.hop_samples
        chunk = samples[..., at:end]
        missing = end - at - chunk.shape[-1]
        yield np.pad(chunk, [(0, 0)] * (samples.ndim - 1) + [(0, missing)]) if missing else chunk
        at = end


def run_chunks(
    session: Session,
    samples: Floats,
    sizes: Sequence[int] | None = None,
) -> Frames:
    """Reset the session and drive it through a clip, chunk by chunk.

    samples: (n,) or (streams, n) float32 at the stream's rate, n >= 1. `sizes`: frames of successive calls, over and
    over. Returns the frames of the clip filled up to whole chunks.
    """
    session.reset()
    steps = []
    for chunk in chunks(samples, session.stream, sizes):
        steps.append(session.step(chunk))
    return concat_frames(steps)


def run_clips(session: Session, clips: Sequence[Floats], sizes: Sequence[int] | None = None) -> list[Frames]:
    """Roll clips (n,), at most one a stream, side by side; each as many frames as it has by itself.

    Shorter ones go on with silence, and streams without a clip hear the others again.
    """
    stream = session.stream
    if stream.streams == 1:
        return [run_chunks(session, clip, sizes) for clip in clips]
    lanes = np.zeros((stream.streams, max(len(clip) for clip in clips)), np.float32)
    for lane, clip in zip(lanes, cycle(clips), strict=False):
        lane[: len(clip)] = clip
    frames = run_chunks(session, lanes, sizes)
    return [frames.of_stream(at, sum(chunk_schedule(len(clip), stream, sizes))) for at, clip in enumerate(clips)]


def concat_frames(parts: Sequence[Frames]) -> Frames:
    """Frames of successive steps (or clips) as one; `margin` only where every part has it."""
    margins = [part.margin for part in parts if part.margin is not None]
    return Frames(
        np.concatenate([part.pitch_semitones for part in parts], -1),
        np.concatenate([part.confidence for part in parts], -1),
        np.concatenate([part.volume for part in parts], -1),
        np.concatenate(margins, -1) if len(margins) == len(parts) else None,
        absent=parts[0].absent,
    )


def frame_end_s(count: int, stream: StreamConfig) -> NDArray[np.float64]:
    """(count,) seconds: when the hop of each frame ends, counted from the start of the clip."""
    return (np.arange(count, dtype=np.float64) + 1) * stream.hop_samples / stream.sample_rate_hz
