"""A session on a `.pte`, in ExecuTorch's runtime."""

import functools
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

import torch
from executorch.extension.pybindings import _portable_lib
from executorch.runtime import Program, Runtime
from threadpoolctl import threadpool_limits

from workbench.errors import ProgramError, program_error
from workbench.export.metadata import parse_metadata
from workbench.runtime.host_state import host_of
from workbench.runtime.session import Floats, Frames, require_file, to_frames, validate_chunk, validate_stream_index


@functools.cache
def set_threads(threads: int) -> None:
    """Fix the size of XNNPACK's thread pool, and of numpy's for a front end that is the host's. Only before the first
    program of a process is loaded: after it, it crashes the process. The same number again changes nothing."""
    _portable_lib._unsafe_reset_threadpool(threads)
    threadpool_limits(threads, "blas")


class LoweredModule(Protocol):
    """A lowered module without the workbench's metadata, for example one part of a network."""

    def forward(self, inputs: list[torch.Tensor], clone_outputs: bool = ...) -> list[torch.Tensor]:
        """Runs the module. Without `clone_outputs` the outputs are overwritten by the next call."""

    def write_etdump_result_to_file(self, path: str) -> None:
        """Writes the events that the runtime recorded; a runtime without an event tracer writes nothing."""


def load_lowered_module(path: Path, record_events: bool = False) -> LoweredModule:
    """Loads any `.pte` file. Raises RuntimeError if it does not load."""
    module: LoweredModule = _portable_lib._load_for_executorch(str(path), enable_etdump=record_events)
    return module


def fix_threads(threads: int) -> None:
    """Have torch and every runtime here work with so many threads: `set_threads`, and torch's own."""
    torch.set_num_threads(threads)
    set_threads(threads)


class PteSession:
    """One program, one memory. Each session loads the file anew: a Program hands out the same method, with the same
    memory, to all who ask. Internal memory is emptied by the program's own `reset`; explicit memory is the session's.

    The file must be one that this process may trust: a broken one can crash the runtime, so load what is not ours
    through `child.Child`. Raises ProgramError where it does not load or is no program of the workbench, MemoryError
    where the machine has no memory left for it.
    """

    def __init__(self, path: Path) -> None:
        program, self.constants = load_program(path)
        try:
            self.stream, self.outputs = parse_metadata(self.constants, path)
            self._host = host_of(self.constants, path)
            self._forward = program.load_method("forward")
            internal = self.constants["state"] == "internal"  # loading `reset` empties the memory, so before a step
            self._reset = program.load_method("reset") if internal else None
        except (RuntimeError, ValueError, IndexError) as error:
            raise _not_set_up(path, error) from error

    def reset(self, stream: int | None = None) -> None:
        validate_stream_index(stream, self.stream)
        self._host.reset(stream)
        if self._reset is not None:
            try:
                self._reset.execute([torch.tensor([stream in (None, at) for at in range(self.stream.streams)])])
            except RuntimeError as error:
                raise program_error("the program's reset failed", error) from error

    def step(self, chunk: Floats) -> Frames:
        inputs = self._host.inputs(validate_chunk(chunk, self.stream))
        try:
            estimates = self._forward.execute([torch.from_numpy(given) for given in inputs])
        except RuntimeError as error:
            raise program_error("the program failed while running", error) from error
        returned = [tensor.numpy() for tensor in estimates]
        self._host.keep(returned)
        return to_frames(returned, self.outputs, chunk, self.stream)


def load_program(path: Path) -> tuple[Program, dict[str, Any]]:
    """A program, and all that it tells: also one whose delegates this runtime has not, for it is not set up to run.

    Raises ProgramError where it does not load or is none of the workbench's.
    """
    require_file(path)
    try:
        program = Runtime.get().load_program(path)
        names = program.method_names
    except (RuntimeError, ValueError, IndexError) as error:
        raise program_error(f"{path}: not a program that this runtime can load", error) from error
    if "workbench_format" not in names or "forward" not in names:
        raise ProgramError(f"{path}: a program, but not one of the workbench: it does not say its stream")
    try:
        tells = {name: program.load_method(name).execute([])[0] for name in sorted(names - {"forward", "reset"})}
    except (RuntimeError, ValueError, IndexError) as error:
        raise _not_set_up(path, error) from error
    return program, tells


def missing_backends(backends: Iterable[str]) -> tuple[str, ...]:
    """Returns those backends of delegates that this runtime does not have or whose library it does not find, each once.

    The names are ExecuTorch's (`XnnpackBackend`, `CoreMLBackend`). For an isolated process: a query may load a library.
    """
    registry = Runtime.get().backend_registry
    return tuple(name for name in dict.fromkeys(backends) if not registry.is_available(name))


def _not_set_up(path: Path, error: Exception) -> ProgramError:
    return program_error(f"{path}: the program loads, but cannot be set up", error)
