"""A session on a `.pte`, in ExecuTorch's runtime."""

from pathlib import Path
from typing import Any

import torch
from executorch.extension.pybindings import _portable_lib
from executorch.runtime import Runtime

from workbench.errors import ProgramError
from workbench.export.contract import FORMAT, STATE_BUFFER
from workbench.model.stream import Stream
from workbench.runtime.session import Floats, Frames, roll


def set_threads(threads: int) -> None:
    """Fix the size of XNNPACK's thread pool. Only before the first program of a process is loaded: after it, it
    crashes the process."""
    _portable_lib._unsafe_reset_threadpool(threads)


class PteSession:
    """One program, one memory. Each session loads the file anew: a Program hands out the same method, with the same
    memory, to all who ask.

    The file must be one that this process may trust: a broken one can crash the runtime, so load what is not ours
    through `child.Child`. Raises ProgramError where it does not load or is no program of the workbench.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise ProgramError(f"{path}: no such program; `workbench build RECIPE` makes one")
        try:
            self._program = Runtime.get().load_program(path)
            names = self._program.method_names
        except (RuntimeError, ValueError, IndexError, MemoryError) as error:
            raise ProgramError(f"{path}: not a program that this runtime can load ({_first_line(error)})") from error
        if "workbench_format" not in names or "forward" not in names:
            raise ProgramError(f"{path}: a program, but not one of the workbench: it does not say its stream")
        try:
            self.constants = {name: self._constant(name) for name in sorted(names - {"forward"})}
            if self.constants["workbench_format"] != FORMAT:
                raise ProgramError(
                    f"{path}: made for format {self.constants['workbench_format']}, this workbench reads {FORMAT}; "
                    "build it again"
                )
            self.stream = Stream(
                *(self.constants[key] for key in ("sample_rate_hz", "hop_samples", "frames_per_chunk", "mirror"))
            )
            self._forward = self._program.load_method("forward")
            self._ring = self._forward._method.get_attribute(STATE_BUFFER)  # aliases the runtime's own memory
        except (RuntimeError, KeyError, ValueError, IndexError) as error:
            raise ProgramError(f"{path}: the program loads, but cannot be set up ({_first_line(error)})") from error

    @property
    def algorithmic_ms(self) -> float:
        """How far the centre of a frame's analysis window lies before the end of its hop, in milliseconds."""
        return float(self.constants["algorithmic_ms"])

    def reset(self) -> None:
        self._ring.zero_()

    def step(self, chunk: Floats) -> Frames:
        if chunk.shape != (self.stream.chunk_samples,):  # the runtime accepts some wrong sizes, and corrupts its memory
            raise ProgramError(
                f"a chunk of shape {chunk.shape}; this program takes ({self.stream.chunk_samples},) samples"
            )
        try:
            pitch, confidence, volume = self._forward.execute([torch.tensor(chunk, dtype=torch.float32)[None]])
        except RuntimeError as error:
            raise ProgramError(f"the program failed while running ({_first_line(error)})") from error
        return Frames(*(tensor[0].numpy().copy() for tensor in (pitch, confidence, volume)))

    def _constant(self, name: str) -> Any:
        return self._program.load_method(name).execute([])[0]


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def roll_program(path: Path, samples: Floats) -> Frames:
    """`session.roll` on a freshly loaded program; a function of its own so that a `Child` can run it."""
    return roll(PteSession(path), samples)
