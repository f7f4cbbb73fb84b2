"""A session on an `.onnx` in ONNX Runtime. Requires the extra `onnx`."""

from pathlib import Path

import torch

from workbench.errors import ProgramError, program_error
from workbench.export.metadata import METADATA_KEY, from_json, parse_metadata
from workbench.runtime.host_state import host_of
from workbench.runtime.session import Floats, Frames, require_file, to_frames, validate_chunk, validate_stream_index

_STOP_SPINNING = "session.force_spinning_stop"  # between calls; during a call, threads spin as they do by default
_PRECISION_OF_INPUTS, _FLOAT32 = "session.qdq_matmulnbits_accuracy_level", "1"
"""Of products with integer weights. By default ("4") ONNX Runtime rounds their float inputs to int8."""

_LOG_ERRORS_ONLY = 3


class OnnxSession:
    """One program with its own state, which the session keeps: an ONNX program keeps none.

    A call runs on as many threads as torch has in this process. Between calls the threads do not spin (wait actively),
    because that would slow down other work.

    Raises:
        ProgramError: ONNX Runtime is not installed, the file does not load in it, or is not a workbench program.
    """

    def __init__(self, path: Path) -> None:
        require_file(path)
        try:
            import onnxruntime
        except ImportError as error:
            raise ProgramError(f"{path}: onnxruntime is not installed; pip install 'pesto-workbench[onnx]'") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = torch.get_num_threads(), 1
        options.log_severity_level = _LOG_ERRORS_ONLY
        options.add_session_config_entry(_STOP_SPINNING, "1")
        options.add_session_config_entry(_PRECISION_OF_INPUTS, _FLOAT32)
        try:
            self._runtime = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
            properties = self._runtime.get_modelmeta().custom_metadata_map
        except Exception as error:  # ONNX Runtime does not export its exception classes
            raise program_error(f"{path}: not a model that ONNX Runtime loads", error) from error
        self.metadata = parse_metadata(from_json(properties.get(METADATA_KEY, ""), path), path)
        self.stream = self.metadata.stream
        self._host = host_of(self.metadata, path)
        self._names = [graph_input.name for graph_input in self._runtime.get_inputs()]

    def reset(self, stream: int | None = None) -> None:
        validate_stream_index(stream, self.stream)
        self._host.reset(stream)

    def step(self, chunk: Floats) -> Frames:
        inputs = self._host.inputs(validate_chunk(chunk, self.stream))
        try:
            returned = self._runtime.run(None, dict(zip(self._names, inputs, strict=True)))
        except Exception as error:  # as above
            raise program_error("the model failed while running", error) from error
        frames = to_frames(returned, self.metadata.outputs, chunk, self.stream)
        self._host.update(returned)
        return frames
