"""A session on a `.pte` in ExecuTorch's runtime. No other module imports the bindings of that runtime."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import torch
from threadpoolctl import threadpool_limits

from workbench import private_names
from workbench.errors import ProgramError, ThreadCountError, program_error
from workbench.export.metadata import NO_METADATA, parse_metadata
from workbench.runtime.host_state import host_of
from workbench.runtime.session import Floats, Frames, require_file, to_frames, validate_chunk, validate_stream_index

if TYPE_CHECKING:
    from executorch.runtime import Program

Runtime = private_names.executorch_runtime().Runtime
_pool_in_use = False
"""Whether this process has loaded a program: resizing ExecuTorch's thread pool after that can crash the process."""


def set_num_threads(threads: int) -> None:
    """Sets how many threads torch, ExecuTorch (XNNPACK) and numpy's matrix products use in this process.

    Raises:
        ThreadCountError: This process has loaded a program, and its thread pool has another size.
    """
    pool_threads = private_names.pool_threads()
    if threads != pool_threads:
        if _pool_in_use:
            raise ThreadCountError(
                f"ExecuTorch runs with {pool_threads} threads in this process, and a program is loaded; use another "
                f"process for {threads} threads"
            )
        private_names.resize_pool(threads)
    torch.set_num_threads(threads)
    threadpool_limits(threads, "blas")  # the host's front end


class LoweredModule(Protocol):
    """A lowered module without the workbench's metadata."""

    def forward(self, inputs: list[torch.Tensor], clone_outputs: bool = ...) -> list[torch.Tensor]:
        """Runs the module. Without `clone_outputs` the outputs are overwritten by the next call."""


def load_lowered_module(path: Path) -> LoweredModule:
    """Loads any `.pte` file. Raises RuntimeError if it does not load."""
    global _pool_in_use
    _pool_in_use = True
    module: LoweredModule = private_names.load_module(str(path))
    return module


class PteSession:
    """One program with its own state.

    Each session loads the file again, because ExecuTorch's Program returns the same method, with the same state, each
    time. The program's method `reset` zeroes an internal state; the session keeps an explicit state.

    A broken file can crash the runtime: load a file that you do not trust in an `IsolatedProcess`.

    Raises:
        ProgramError: The file does not load, is not a workbench program, or cannot be set up.
        MemoryError: The machine has no memory left.
    """

    def __init__(self, path: Path) -> None:
        program, entries = load_program(path)
        self.metadata = parse_metadata(entries, path)
        self.stream = self.metadata.stream
        self._host = host_of(self.metadata, path)
        internal = self.metadata.state == "internal"
        try:
            self._forward = program.load_method("forward")
            self._reset = program.load_method("reset") if internal else None  # loading it zeroes the state
        except (RuntimeError, ValueError, IndexError) as error:
            raise _not_set_up(path, error) from error

    def reset(self, stream: int | None = None) -> None:
        validate_stream_index(stream, self.stream)
        self._host.reset(stream)
        if self._reset is not None:
            try:
                self._reset.execute([torch.tensor([stream in (None, index) for index in range(self.stream.streams)])])
            except RuntimeError as error:
                raise program_error("the program's reset failed", error) from error

    def step(self, chunk: Floats) -> Frames:
        inputs = self._host.inputs(validate_chunk(chunk, self.stream))
        try:
            outputs = self._forward.execute([torch.from_numpy(array) for array in inputs])
        except RuntimeError as error:
            raise program_error("the program failed while running", error) from error
        returned = [tensor.numpy() for tensor in outputs]
        frames = to_frames(returned, self.metadata.outputs, chunk, self.stream)
        self._host.update(returned)
        return frames


class LoadedProgram(NamedTuple):
    """A program whose methods are not loaded yet, and its metadata entries as they are in the file."""

    program: "Program"
    entries: dict[str, Any]


def load_program(path: Path) -> LoadedProgram:
    """Loads a program and its metadata, but not `forward`, so this runtime need not have its backends.

    Raises:
        ProgramError: The file does not load or is not a workbench program.
    """
    require_file(path)
    global _pool_in_use
    _pool_in_use = True
    try:
        program = Runtime.get().load_program(path)
        names = program.method_names
    except (RuntimeError, ValueError, IndexError) as error:
        raise program_error(f"{path}: not a program that this runtime can load", error) from error
    if "workbench_format" not in names or "forward" not in names:
        raise ProgramError(f"{path}: {NO_METADATA}")
    try:
        entries = {name: program.load_method(name).execute([])[0] for name in sorted(names - {"forward", "reset"})}
    except (RuntimeError, ValueError, IndexError) as error:
        raise _not_set_up(path, error) from error
    return LoadedProgram(program, entries)


def missing_backends(backends: Iterable[str]) -> tuple[str, ...]:
    """Returns the backends that this runtime does not have, or whose library it does not find; each once.

    Names are ExecuTorch's (`XnnpackBackend`, `CoreMLBackend`). Run it in an isolated process: it may load a library.
    """
    registry = Runtime.get().backend_registry
    return tuple(name for name in dict.fromkeys(backends) if not registry.is_available(name))


def _not_set_up(path: Path, error: Exception) -> ProgramError:
    missing = "it is damaged, or this runtime lacks a kernel that it needs; rebuild it with this ExecuTorch"
    return program_error(f"{path}: the program loads, but cannot be set up: {missing}", error)
