"""Sessions in eager PyTorch: upstream itself, which is the baseline, and the restatement."""

import numpy as np
import torch

from workbench.model.streaming import StreamingPesto
from workbench.model.upstream import PESTO, reset_upstream
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.session import Floats, Frames, validate_chunk, validate_stream_index


class UpstreamSession:
    """The baseline: upstream's streaming model, called as its users call it.

    The model keeps the memory, and so serves one session. `margins=False` leaves out what only scoring needs, so that
    a timing is upstream's alone.
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
        return _frames(self.model(audio), self.margins, np.ndim(chunk) == 1)


class RestatedSession:
    """The restatement before export: what tells a fault of the restatement from a fault of the lowering.

    The memory is the session's own, whether the model's state is internal or explicit.
    """

    def __init__(self, model: StreamingPesto) -> None:
        self.model = model
        self.stream = model.stream
        self._ring = model.zero_state()

    def reset(self, stream: int | None = None) -> None:
        validate_stream_index(stream, self.stream)
        (self._ring if stream is None else self._ring[stream]).zero_()

    @torch.inference_mode()
    def step(self, chunk: Floats) -> Frames:
        audio = torch.from_numpy(validate_chunk(chunk, self.stream))
        estimate, ring = self.model.step(audio, self._ring)
        self._ring.copy_(ring)
        return _frames(estimate, True, np.ndim(chunk) == 1)


def _frames(estimate: tuple[torch.Tensor, ...], margins: bool, flat: bool) -> Frames:
    """(streams, frames) pitch, confidence and volume and (streams, frames, bins) activations -> copies.

    `flat`: without the axis of the one stream."""
    pitch, confidence, volume, activations = estimate
    per_frame = [pitch, confidence, volume]
    if margins:
        best = activations.topk(2, dim=-1).values
        per_frame.append(1 - best[..., 1] / best[..., 0])
    return Frames(*((tensor[0] if flat else tensor).numpy().copy() for tensor in per_frame))
