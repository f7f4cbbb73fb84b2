"""Sessions in eager PyTorch: upstream itself, which is the baseline, and the restatement."""

import torch

from workbench.model.pesto import PESTO, reset_upstream
from workbench.model.stream import Stream
from workbench.model.streaming import StreamingPesto
from workbench.runtime.session import Floats, Frames


class UpstreamSession:
    """The baseline: upstream's streaming model, called as its users call it.

    `margins=False` leaves out what only scoring needs, so that a timing is upstream's alone.
    """

    def __init__(self, model: PESTO, stream: Stream, margins: bool = True) -> None:
        self.model = model
        self.stream = stream
        self.margins = margins

    def reset(self) -> None:
        reset_upstream(self.model)

    @torch.inference_mode()
    def step(self, chunk: Floats) -> Frames:
        return _frames(self.model(torch.tensor(chunk)[None]), self.margins)


class RestatedSession:
    """The restatement before export: what tells a fault of the restatement from a fault of the lowering."""

    def __init__(self, model: StreamingPesto) -> None:
        self.model = model
        self.stream = model.stream

    def reset(self) -> None:
        self.model.reset()

    @torch.inference_mode()
    def step(self, chunk: Floats) -> Frames:
        return _frames(self.model.estimate(torch.tensor(chunk)[None]), True)


def _frames(estimate: tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor], margins: bool) -> Frames:
    """(1, frames) pitch, confidence and volume and (1, frames, bins) activations -> copies."""
    pitch, confidence, volume, activations = estimate
    margin = None
    if margins:
        best = activations[0].topk(2, dim=-1).values
        margin = (1 - best[:, 1] / best[:, 0]).numpy().copy()
    copies = [tensor[0].numpy().copy() for tensor in (pitch, confidence, volume)]
    return Frames(copies[0], copies[1], copies[2], margin)
