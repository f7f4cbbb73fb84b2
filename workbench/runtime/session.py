"""A session, and the one chunk loop that drives every session.

Whatever is compared is a `Session`: upstream in eager PyTorch, the restatement, a `.pte`. `roll` feeds each of them the
same chunks from the same empty memory, so that a difference between two rolls is the export's and not the harness's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from workbench.model.stream import Stream

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Frames:
    """Estimates in order of time; each array is (frames,) float32 and owns its memory.

    `margin` is how far the best pitch bin stands above the second best, relative to the best: 0 is a tie. It is None
    where a session does not return activations.
    """

    pitch_semitones: Floats
    confidence: Floats
    volume: Floats
    margin: Floats | None = None

    def __len__(self) -> int:
        return len(self.pitch_semitones)


class Session(Protocol):
    """A stream with memory.

    `reset` empties the memory: what follows equals a fresh session. `step` takes (chunk_samples,) float32 in -1..1 and
    returns copies that no later step overwrites.
    """

    @property
    def stream(self) -> Stream: ...

    def reset(self) -> None: ...

    def step(self, chunk: Floats) -> Frames: ...


def chunks(samples: Floats, chunk_samples: int) -> Floats:
    """(n,) -> (ceil(n / chunk_samples), chunk_samples): the last chunk is filled up with silence."""
    count = -(-len(samples) // chunk_samples)
    padded = np.zeros(count * chunk_samples, np.float32)
    padded[: len(samples)] = samples
    return padded.reshape(count, chunk_samples)


def roll(session: Session, samples: Floats, on_step: Callable[[], None] | None = None) -> Frames:
    """Reset the session and drive it through a clip, chunk by chunk.

    samples: (n,) float32 at the stream's rate, n >= 1. Returns ceil(n / chunk_samples) * frames_per_chunk frames.
    """
    session.reset()
    steps = []
    for chunk in chunks(samples, session.stream.chunk_samples):
        steps.append(session.step(chunk))
        if on_step:
            on_step()
    return join(steps)


def join(parts: Sequence[Frames]) -> Frames:
    """Frames of successive steps (or clips) as one; `margin` only where every part has it."""
    margins = [part.margin for part in parts if part.margin is not None]
    return Frames(
        np.concatenate([part.pitch_semitones for part in parts]),
        np.concatenate([part.confidence for part in parts]),
        np.concatenate([part.volume for part in parts]),
        np.concatenate(margins) if len(margins) == len(parts) else None,
    )


def frame_end_s(count: int, stream: Stream) -> NDArray[np.float64]:
    """(count,) seconds: when the hop of each frame ends, counted from the start of the clip."""
    return (np.arange(count, dtype=np.float64) + 1) * stream.hop_samples / stream.sample_rate_hz
