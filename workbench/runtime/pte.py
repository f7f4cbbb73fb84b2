"""A session on a `.pte`, in ExecuTorch's runtime."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from executorch.extension.pybindings import _portable_lib
from executorch.runtime import Runtime

from workbench.errors import ProgramError
from workbench.export.contract import FORMAT
from workbench.model.stream import OUTPUTS, Stream
from workbench.runtime.protocol import Memory, under
from workbench.runtime.session import Floats, Frames, checked, checked_stream, roll_streams


@functools.cache
def set_threads(threads: int) -> None:
    """Fix the size of XNNPACK's thread pool. Only before the first program of a process is loaded: after it, it
    crashes the process. The same number again changes nothing."""
    _portable_lib._unsafe_reset_threadpool(threads)


class PteSession:
    """One program, one memory. Each session loads the file anew: a Program hands out the same method, with the same
    memory, to all who ask. Internal memory is emptied by the program's own `reset`; explicit memory is the session's.

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
            self.constants = {name: self._constant(name) for name in sorted(names - {"forward", "reset"})}
            if self.constants["workbench_format"] != FORMAT:
                raise ProgramError(
                    f"{path}: made for format {self.constants['workbench_format']}, this workbench reads {FORMAT}; "
                    "build it again"
                )
            self.stream = _stream(self.constants)
            self.explicit = self.constants["state"] == "explicit"
            self.outputs = tuple(self.constants["outputs"].split(","))
            self._absent = tuple(name for name in OUTPUTS if name not in self.outputs)
            self._forward = self._program.load_method("forward")
            if self.explicit:
                self._ring = torch.zeros(self.stream.streams, int(self.constants["state_samples"]))
            else:
                self._reset = self._program.load_method("reset")  # before the first step: loading it empties the memory
        except (RuntimeError, KeyError, ValueError, IndexError) as error:
            raise ProgramError(f"{path}: the program loads, but cannot be set up ({_first_line(error)})") from error

    @property
    def algorithmic_ms(self) -> float:
        """How far the centre of a frame's analysis window lies before the end of its hop, in milliseconds."""
        return float(self.constants["algorithmic_ms"])

    def reset(self, stream: int | None = None) -> None:
        checked_stream(stream, self.stream)
        if self.explicit:
            (self._ring if stream is None else self._ring[stream]).zero_()
        else:
            try:
                self._reset.execute([torch.tensor([stream in (None, at) for at in range(self.stream.streams)])])
            except RuntimeError as error:
                raise ProgramError(f"the program's reset failed ({_first_line(error)})") from error

    def step(self, chunk: Floats) -> Frames:
        audio = torch.from_numpy(checked(chunk, self.stream))
        try:
            estimates = self._forward.execute([audio, self._ring] if self.explicit else [audio])
        except RuntimeError as error:
            raise ProgramError(f"the program failed while running ({_first_line(error)})") from error
        if self.explicit:
            self._ring = estimates[len(self.outputs)]
        flat = np.ndim(chunk) == 1
        own = [(tensor[0] if flat else tensor).numpy().copy() for tensor in estimates[: len(self.outputs)]]
        if not self._absent:
            return Frames(*own)
        found = dict(zip(self.outputs, own, strict=True))
        return Frames(*(found.get(name, np.full_like(own[0], np.nan)) for name in OUTPUTS), absent=self._absent)

    def _constant(self, name: str) -> Any:
        return self._program.load_method(name).execute([])[0]


def _stream(told: dict[str, Any]) -> Stream:
    """The stream that a program's entries tell."""
    keys = ("sample_rate_hz", "hop_samples", "frames_per_chunk", "mirror", "max_frames_per_chunk", "streams")
    asked = {key: told[key] for key in keys}
    if asked["max_frames_per_chunk"] == asked["frames_per_chunk"]:
        asked["max_frames_per_chunk"] = None
    return Stream(**asked)


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def opened(path: Path) -> tuple[Stream, dict[str, Any]]:
    """The stream of a program and all that it tells; for a `Child`, as a broken program can crash the runtime."""
    session = PteSession(path)
    return session.stream, session.constants


def roll_program(
    path: Path,
    clips: Sequence[Floats],
    sizes: Sequence[int] | None = None,
    memory: Memory = "continuous",
    times: int = 1,
) -> list[Frames]:
    """`session.roll_streams` on a freshly loaded program; a function of its own so that a `Child` can run it.

    Rolled `times` over, from a reset each; the last is returned.
    """
    session = under(memory, PteSession(path))
    for _ in range(times):
        frames = roll_streams(session, clips, sizes)
    return frames
