"""Sessions that only tests need."""

import numpy as np
import torch

from workbench.model.streaming import StreamingPesto
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.eager import estimate_to_frames
from workbench.runtime.session import Floats, Frames, validate_chunk, validate_stream_index


class CumulativeSumSession:
    """A session without a model: the pitch of a frame is the sum of all samples since the last reset, plus 100."""

    def __init__(self) -> None:
        self.stream = StreamConfig(1000, 2, 1, 0.0)
        self.total = 100.0

    def reset(self, stream: int | None = None) -> None:
        self.total = 0.0

    def step(self, chunk: np.ndarray) -> Frames:
        self.total += float(chunk.sum())
        return Frames(*(np.array([value], np.float32) for value in (self.total, 0.5, len(chunk))))


class RestatedSession:
    """The restated model in eager PyTorch: it separates a fault of the restatement from a fault of the export."""

    def __init__(self, model: StreamingPesto) -> None:
        self.model = model
        self.stream = model.stream
        self._state = model.zero_state()

    def reset(self, stream: int | None = None) -> None:
        validate_stream_index(stream, self.stream)
        (self._state if stream is None else self._state[stream]).zero_()

    @torch.inference_mode()
    def step(self, chunk: Floats) -> Frames:
        audio = torch.from_numpy(validate_chunk(chunk, self.stream))
        estimate, state = self.model.step(audio, self._state)
        self._state.copy_(state)
        return estimate_to_frames(estimate, True, np.ndim(chunk) == 1)
