"""A session in ONNX Runtime. Wants the extra `onnx`."""

from pathlib import Path

import torch

from workbench.errors import ProgramError, program_error
from workbench.export.metadata import METADATA_KEY, from_json, parse_metadata
from workbench.runtime.host_state import host_of
from workbench.runtime.session import Floats, Frames, require_file, to_frames, validate_chunk, validate_stream_index

_SPINNING = "session.force_spinning_stop"  # between calls; while one runs, threads spin as they do by default
_ERRORS_ALONE = 3


class OnnxSession:
    """One file; the program keeps nothing, and all memory is the session's.

    A call has as many threads as torch has in this process; between calls they do not spin, or they would slow down
    whatever runs then. Raises ProgramError where ONNX Runtime is not installed, the file does not load in it, or is no
    program of the workbench.
    """

    def __init__(self, path: Path) -> None:
        require_file(path)
        try:
            import onnxruntime
        except ImportError as error:
            raise ProgramError(f"{path}: onnxruntime is not installed; pip install 'pesto-workbench[onnx]'") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = torch.get_num_threads(), 1
        options.log_severity_level = _ERRORS_ALONE
        options.add_session_config_entry(_SPINNING, "1")
        try:
            self._runtime = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
            metadata = self._runtime.get_modelmeta().custom_metadata_map
        except Exception as error:  # its own classes, which it does not export
            raise program_error(f"{path}: not a model that ONNX Runtime loads", error) from error
        self.constants = from_json(metadata.get(METADATA_KEY, ""), path)
        self.stream, self.outputs = parse_metadata(self.constants, path)
        self._host = host_of(self.constants, path)
        self._names = [given.name for given in self._runtime.get_inputs()]

    def reset(self, stream: int | None = None) -> None:
        validate_stream_index(stream, self.stream)
        self._host.reset(stream)

    def step(self, chunk: Floats) -> Frames:
        inputs = self._host.inputs(validate_chunk(chunk, self.stream))
        try:
            returned = self._runtime.run(None, dict(zip(self._names, inputs, strict=True)))
        except Exception as error:  # as above
            raise program_error("the model failed while running", error) from error
        self._host.keep(returned)
        return to_frames(returned, self.outputs, chunk, self.stream)
