"""A session on upstream's own export: its streaming model as TorchScript."""

from pathlib import Path

import torch

from workbench.errors import ProgramError, is_out_of_memory
from workbench.export.metadata import METADATA_KEY, from_json, parse_metadata
from workbench.model.upstream import STATE_SUFFIX
from workbench.runtime.session import Floats, Frames, require_file, to_frames, validate_chunk, validate_stream_index


class TorchScriptSession:
    """One file, one memory.

    Loading TorchScript runs its code: only for files that are our own. Raises ProgramError where it does not load, is
    no program of the workbench, or holds no memory.
    """

    def __init__(self, path: Path) -> None:
        require_file(path)
        carried = {METADATA_KEY: ""}
        try:
            self._model = torch.jit.load(path, map_location="cpu", _extra_files=carried).eval()  # type: ignore[no-untyped-call]
        except (RuntimeError, ValueError, OSError) as error:
            if is_out_of_memory(error):
                raise
            raise ProgramError(f"{path}: not TorchScript that torch can load; export it again") from error
        self.constants = from_json(carried[METADATA_KEY], path)
        self.stream, self.outputs = parse_metadata(self.constants, path)
        self._memories = [buffer for name, buffer in self._model.named_buffers() if name.endswith(STATE_SUFFIX)]
        if not self._memories:
            raise ProgramError(f"{path}: holds no streaming memory (*{STATE_SUFFIX}); export the streaming model")
        self.reset()

    def reset(self, stream: int | None = None) -> None:
        validate_stream_index(stream, self.stream)
        for memory in self._memories:
            (memory if stream is None else memory[stream]).zero_()

    @torch.inference_mode()
    def step(self, chunk: Floats) -> Frames:
        audio = torch.from_numpy(validate_chunk(chunk, self.stream))
        try:
            estimates = self._model(audio)
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            why = str(error).strip() or type(error).__name__
            last = why.splitlines()[-1].strip()  # above it, where in the script
            raise ProgramError(f"the script failed while running ({last})") from error
        return to_frames([tensor.numpy() for tensor in estimates], self.outputs, chunk, self.stream)
