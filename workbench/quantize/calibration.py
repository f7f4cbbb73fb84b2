"""Calibration audio: an excerpt of each clip, and what each part of the stream receives while it runs."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from workbench.model.streaming import StreamingPesto

Inputs = tuple[Tensor, ...]
"""The inputs of a part over many frames; the first axis of each tensor is the frame, called a row."""

BATCH = 256  # rows that go through a part at once


def excerpts(clips: Sequence[Tensor], max_samples: int, seed: int) -> list[Tensor]:
    """Returns one excerpt of each clip.

    Args:
        clips: (n,) each.
        max_samples: A longer clip is cut to this length.
        seed: Draws the start of each excerpt.
    """
    draw = np.random.default_rng(seed)
    starts = [int(draw.integers(0, max(0, len(clip) - max_samples) + 1)) for clip in clips]
    return [clip[start : start + max_samples] for start, clip in zip(starts, clips, strict=True)]


def split_in_half(clips: Sequence[Tensor], seed: int) -> list[list[Tensor]]:
    """Returns two disjoint halves of the clips, drawn by the seed. The second is empty if there is only one clip."""
    order = np.random.default_rng(seed).permutation(len(clips))
    return [[clips[index] for index in order[first::2]] for first in (0, 1)]


@torch.no_grad()
def part_inputs(model: StreamingPesto, clips: Sequence[Tensor]) -> dict[str, Inputs]:
    """Returns what each part of the stream receives over the clips, as one batch.

    The state is zero at the start of every clip. If the estimates depend on how the audio is cut into chunks and a call
    has several sizes, the clips run twice: in chunks of the smallest size and of the largest.

    Args:
        model: The stream.
        clips: (n,) float32 each.

    Returns:
        Part -> its inputs: "frontend" (frames, frame samples); "encoder" (frames, cropped bins), log-energy;
        "confidence" (frames, bins) energy and log-energy.
    """
    past, stream = model.past_samples, model.stream
    sizes = {stream.chunk_samples, stream.max_chunk_samples} if stream.depends_on_chunking else {stream.chunk_samples}
    framed = []
    for chunk in sorted(sizes):
        for samples in clips:
            chunks = math.ceil(len(samples) / chunk)
            padded = torch.zeros(past + chunks * chunk)
            padded[past : past + len(samples)] = samples
            framed.append(model.framing(padded.unfold(0, past + chunk, chunk)))
    frames = torch.cat(framed)
    energy = torch.cat([model.frontend(rows) for rows in torch.split(frames, BATCH)])
    log_energy = energy.log()
    return {
        "frontend": (frames,),
        "encoder": (log_energy[:, model.crop].contiguous(),),
        "confidence": (energy, log_energy),
    }


def subsample_rows(inputs: Inputs, max_rows: int) -> Inputs:
    """Returns at most `max_rows` rows of the inputs, evenly spaced."""
    step = math.ceil(len(inputs[0]) / max_rows)
    return tuple(tensor[::step] for tensor in inputs)


def concat_inputs(inputs: Sequence[Inputs]) -> Inputs:
    """Returns the rows of several inputs as one."""
    return tuple(map(torch.cat, zip(*inputs, strict=True)))
