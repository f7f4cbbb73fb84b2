"""What the quantizer hears: excerpts of the calibration clips, each from an empty memory, as rows for each part."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from workbench.model.streaming import StreamingPesto

Inputs = tuple[Tensor, ...]

BATCH = 256  # rows that go through a part at once


def excerpts(clips: Sequence[Tensor], longest_samples: int, seed: int) -> list[Tensor]:
    """Of each clip (n,) as much as is heard: all of it, or a stretch whose start the seed draws."""
    draw = np.random.default_rng(seed)
    starts = [int(draw.integers(0, max(0, len(clip) - longest_samples) + 1)) for clip in clips]
    return [clip[start : start + longest_samples] for start, clip in zip(starts, clips, strict=True)]


def split_in_half(clips: Sequence[Tensor], seed: int) -> list[list[Tensor]]:
    """The clips dealt out to two disjoint halves by the seed; the second is empty where there is only one clip."""
    order = np.random.default_rng(seed).permutation(len(clips))
    return [[clips[at] for at in order[first::2]] for first in (0, 1)]


@torch.no_grad()
def part_inputs(model: StreamingPesto, clips: Sequence[Tensor]) -> dict[str, Inputs]:
    """What each part hears over the clips, (n,) float32 each, from an empty memory at the start of every clip.

    A row is a frame: what the stream computes one by one, at once. Where the cut into calls matters and their size is
    open, the clips are heard in the smallest calls, and again in the largest.
    """
    past, stream = model.past_samples, model.stream
    cuts = {stream.chunk_samples, stream.max_chunk_samples} if stream.depends_on_chunking else {stream.chunk_samples}
    framed = []
    for chunk in sorted(cuts):
        for samples in clips:
            count = -(-len(samples) // chunk)
            heard = torch.zeros(past + count * chunk)
            heard[past : past + len(samples)] = samples
            framed.append(model.framing(heard.unfold(0, past + chunk, chunk)))
    frames = torch.cat(framed)
    energy = torch.cat([model.frontend(rows) for rows in torch.split(frames, BATCH)])
    log_energy = energy.log()
    return {
        "frontend": (frames,),
        "encoder": (log_energy[:, model.crop].contiguous(),),
        "confidence": (energy, log_energy),
    }


def subsample_rows(inputs: Inputs, rows: int) -> Inputs:
    """At most that many rows of the inputs, evenly spread over all."""
    step = -(-len(inputs[0]) // rows)
    return tuple(tensor[::step] for tensor in inputs)


def concat_inputs(inputs: Sequence[Inputs]) -> Inputs:
    """Rows of several inputs as one."""
    return tuple(map(torch.cat, zip(*inputs, strict=True)))
