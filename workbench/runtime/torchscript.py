"""A session on upstream's own export: its streaming model as TorchScript."""

from pathlib import Path

import numpy as np
import torch

from workbench.errors import ProgramError
from workbench.model.stream import Stream
from workbench.runtime.session import Floats, Frames, checked, checked_stream

_MEMORY = "cache.pad"  # how the names of upstream's streaming memories end


class TorchScriptSession:
    """One file, one memory. The file does not tell its stream, so `stream` is what it was traced for.

    Loading TorchScript runs its code: only for files that are our own. Raises ProgramError where it does not load, or
    holds no memory.
    """

    def __init__(self, path: Path, stream: Stream) -> None:
        self.stream = stream
        try:
            self._model = torch.jit.load(path, map_location="cpu").eval()  # type: ignore[no-untyped-call]
        except (RuntimeError, ValueError, OSError) as error:
            raise ProgramError(f"{path}: not TorchScript that torch can load; export it again") from error
        self._memories = [buffer for name, buffer in self._model.named_buffers() if name.endswith(_MEMORY)]
        if not self._memories:
            raise ProgramError(f"{path}: holds no streaming memory (*{_MEMORY}); export the streaming model")
        self.reset()

    def reset(self, stream: int | None = None) -> None:
        checked_stream(stream, self.stream)
        for memory in self._memories:
            (memory if stream is None else memory[stream]).zero_()

    @torch.inference_mode()
    def step(self, chunk: Floats) -> Frames:
        audio = torch.from_numpy(checked(chunk, self.stream))
        if audio.shape[-1] != self.stream.chunk_samples:  # a trace has its sizes written into it
            raise ProgramError(f"a chunk of {audio.shape[-1]} samples; this script takes {self.stream.chunk_samples}")
        estimates = self._model(audio)
        flat = np.ndim(chunk) == 1
        return Frames(*((tensor[0] if flat else tensor).numpy().copy() for tensor in estimates[:3]))
