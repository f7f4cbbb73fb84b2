"""A session on upstream's own export: its streaming model as TorchScript (`.pt`)."""

from pathlib import Path

import torch

from workbench.errors import ProgramError, is_out_of_memory
from workbench.export.metadata import METADATA_KEY, from_json, parse_metadata
from workbench.recipe.options import UPSTREAM_STATE_SUFFIX
from workbench.runtime.session import Floats, Frames, require_file, to_frames, validate_chunk, validate_stream_index


class TorchScriptSession:
    """One program with its own state, which is in buffers of the script.

    TorchScript can run code when it is loaded: open only files that you trust.

    Raises:
        ProgramError: The file does not load, is not a workbench program, or has no streaming state.
    """

    def __init__(self, path: Path) -> None:
        require_file(path)
        extra_files = {METADATA_KEY: ""}
        try:
            self._model = torch.jit.load(path, map_location="cpu", _extra_files=extra_files).eval()  # type: ignore[no-untyped-call]
        except (RuntimeError, ValueError, OSError) as error:
            if is_out_of_memory(error):
                raise
            raise ProgramError(f"{path}: not TorchScript that torch can load; export it again") from error
        self.metadata = parse_metadata(from_json(extra_files[METADATA_KEY], path), path)
        self.stream = self.metadata.stream
        self._state_buffers = [
            buffer for name, buffer in self._model.named_buffers() if name.endswith(UPSTREAM_STATE_SUFFIX)
        ]
        if not self._state_buffers:
            raise ProgramError(f"{path}: has no streaming state (*{UPSTREAM_STATE_SUFFIX}); export the streaming model")
        self.reset()

    def reset(self, stream: int | None = None) -> None:
        validate_stream_index(stream, self.stream)
        for buffer in self._state_buffers:
            (buffer if stream is None else buffer[stream]).zero_()

    @torch.inference_mode()
    def step(self, chunk: Floats) -> Frames:
        audio = torch.from_numpy(validate_chunk(chunk, self.stream))
        try:
            estimates = self._model(audio)
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            text = str(error).strip() or type(error).__name__
            last_line = text.splitlines()[-1].strip()  # the lines above it say where in the script
            raise ProgramError(f"the script failed while running ({last_line})") from error
        return to_frames([tensor.numpy() for tensor in estimates], self.metadata.outputs, chunk, self.stream)
