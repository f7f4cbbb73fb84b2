"""A session in ONNX Runtime on the restated stream with explicit state. Wants the extra `onnx`."""

from pathlib import Path

import numpy as np

from workbench.errors import ProgramError
from workbench.model.stream import Stream
from workbench.runtime.session import Floats, Frames, checked, checked_stream

_SPINNING = "session.force_spinning_stop"  # between calls; while one runs, threads spin as they do by default


class OnnxSession:
    """One file; the memory is the session's. The file does not tell its stream, so `stream` is what it was made for.

    `threads` are those of a call; between calls they do not spin, or they would slow down whatever runs then. Raises
    ProgramError where ONNX Runtime is not installed, or the file does not load in it.
    """

    def __init__(self, path: Path, stream: Stream, threads: int) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise ProgramError("onnxruntime is not installed; pip install 'pesto-workbench[onnx]'") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.add_session_config_entry(_SPINNING, "1")
        self.stream = stream
        try:
            self._runtime = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
            (ring,) = (given for given in self._runtime.get_inputs() if given.name == "ring")
        except Exception as error:  # its own classes, which it does not export
            raise ProgramError(f"{path}: not a model with a ring that ONNX Runtime loads; export it again") from error
        self._ring = np.zeros(ring.shape, np.float32)

    def reset(self, stream: int | None = None) -> None:
        checked_stream(stream, self.stream)
        self._ring = self._ring.copy()  # an output, which may not be written to
        self._ring[slice(None) if stream is None else stream] = 0

    def step(self, chunk: Floats) -> Frames:
        audio = checked(chunk, self.stream)
        try:
            *estimates, ring = self._runtime.run(None, {"audio": audio, "ring": self._ring})
        except Exception as error:  # as above
            raise ProgramError(f"the model failed while running ({str(error).splitlines()[0]})") from error
        self._ring = ring
        flat = np.ndim(chunk) == 1
        return Frames(*(np.array(values[0] if flat else values, np.float32) for values in estimates))
