"""A session on upstream's own export: its streaming model as TorchScript."""

from pathlib import Path

import numpy as np
import torch

from workbench.errors import ProgramError
from workbench.export.contract import CARRIER, from_json, stream_told
from workbench.runtime.session import Floats, Frames, checked, checked_stream, frames_of

_MEMORY = "cache.pad"  # how the names of upstream's streaming memories end


class TorchScriptSession:
    """One file, one memory.

    Loading TorchScript runs its code: only for files that are our own. Raises ProgramError where it does not load, is
    no program of the workbench, or holds no memory.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise ProgramError(f"{path}: no such program; `workbench build RECIPE` makes one")
        told = {CARRIER: ""}
        try:
            self._model = torch.jit.load(path, map_location="cpu", _extra_files=told).eval()  # type: ignore[no-untyped-call]
        except (RuntimeError, ValueError, OSError) as error:
            raise ProgramError(f"{path}: not TorchScript that torch can load; export it again") from error
        text: str | bytes = told[CARRIER]
        self.constants = from_json(text if isinstance(text, str) else text.decode(), path)
        try:
            self.stream = stream_told(self.constants, path)
            self.outputs = tuple(self.constants["outputs"].split(","))
        except KeyError as error:
            raise ProgramError(
                f"{path}: the program loads, but does not say its {error.args[0]}; build it again"
            ) from error
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
        estimates = self._model(torch.from_numpy(checked(chunk, self.stream)))
        return frames_of([tensor.numpy() for tensor in estimates], self.outputs, np.ndim(chunk) == 1)
