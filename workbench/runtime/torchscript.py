"""A session on upstream's own export: its streaming model as TorchScript."""

from pathlib import Path

import torch

from workbench.errors import ProgramError, wants_memory
from workbench.export.metadata import CARRIER, from_json, told
from workbench.model.upstream import MEMORY
from workbench.runtime.session import Floats, Frames, checked, checked_file, checked_stream, frames_of


class TorchScriptSession:
    """One file, one memory.

    Loading TorchScript runs its code: only for files that are our own. Raises ProgramError where it does not load, is
    no program of the workbench, or holds no memory.
    """

    def __init__(self, path: Path) -> None:
        checked_file(path)
        carried = {CARRIER: ""}
        try:
            self._model = torch.jit.load(path, map_location="cpu", _extra_files=carried).eval()  # type: ignore[no-untyped-call]
        except (RuntimeError, ValueError, OSError) as error:
            if wants_memory(error):
                raise
            raise ProgramError(f"{path}: not TorchScript that torch can load; export it again") from error
        self.constants = from_json(carried[CARRIER], path)
        self.stream, self.outputs = told(self.constants, path)
        self._memories = [buffer for name, buffer in self._model.named_buffers() if name.endswith(MEMORY)]
        if not self._memories:
            raise ProgramError(f"{path}: holds no streaming memory (*{MEMORY}); export the streaming model")
        self.reset()

    def reset(self, stream: int | None = None) -> None:
        checked_stream(stream, self.stream)
        for memory in self._memories:
            (memory if stream is None else memory[stream]).zero_()

    @torch.inference_mode()
    def step(self, chunk: Floats) -> Frames:
        audio = torch.from_numpy(checked(chunk, self.stream))
        try:
            estimates = self._model(audio)
        except RuntimeError as error:
            if wants_memory(error):
                raise
            why = str(error).strip() or type(error).__name__
            last = why.splitlines()[-1].strip()  # above it, where in the script
            raise ProgramError(f"the script failed while running ({last})") from error
        return frames_of([tensor.numpy() for tensor in estimates], self.outputs, chunk, self.stream)
