"""A session on upstream's streaming model in eager PyTorch: the baseline."""

import numpy as np
import torch

from workbench.model.upstream import PESTO, reset_upstream
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.session import Floats, Frames, validate_chunk, validate_stream_index


class UpstreamSession:
    """Upstream's streaming model, called as its users call it.

    The model keeps the state, so only one session can use it. `margins=False` does not compute `Frames.margin`, which
    only scoring needs, so that a timing contains only upstream.
    """

    def __init__(self, model: PESTO, stream: StreamConfig, margins: bool = True) -> None:
        self.model = model
        self.stream = stream
        self.margins = margins

    def reset(self, stream: int | None = None) -> None:
        validate_stream_index(stream, self.stream)
        reset_upstream(self.model, stream)

    @torch.inference_mode()
    def step(self, chunk: Floats) -> Frames:
        audio = torch.from_numpy(validate_chunk(chunk, self.stream))
        return estimate_to_frames(self.model(audio), self.margins, np.ndim(chunk) == 1)


def estimate_to_frames(estimate: tuple[torch.Tensor, ...], margins: bool, one_dimensional: bool) -> Frames:
    """Copies an estimate of PyTorch into frames.

    Args:
        estimate: Pitch, confidence and volume, (streams, frames) each, and activations (streams, frames, bins).
        margins: Whether to compute `Frames.margin` from the activations.
        one_dimensional: Whether to return the first stream without the stream axis.
    """
    pitch, confidence, volume, activations = estimate
    per_frame = [pitch, confidence, volume]
    if margins:
        best = activations.topk(2, dim=-1).values
        per_frame.append(1 - best[..., 1] / best[..., 0])
    return Frames(*((tensor[0] if one_dimensional else tensor).numpy().copy() for tensor in per_frame))
