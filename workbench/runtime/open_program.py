"""Opens a program of any format by its suffix. `SESSIONS` is the only table of file formats and their sessions.

A broken program can crash its runtime, so the functions here can run in an `IsolatedProcess`. A runtime is imported
when its first program is opened, so a process that only names these functions imports none.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from workbench.export.metadata import ProgramMetadata, parse_metadata
from workbench.export.program_file import ProgramFormat, format_of
from workbench.runtime.session import Floats, Frames, Session, run_clips
from workbench.runtime.state_protocol import StateHandling, with_state_handling


class ProgramSession(Session, Protocol):
    """A session on a file, with the program's metadata."""

    metadata: ProgramMetadata


def _open_pte(path: Path) -> ProgramSession:
    from workbench.runtime.executorch import PteSession

    return PteSession(path)


def _open_onnx(path: Path) -> ProgramSession:
    from workbench.runtime.onnxruntime import OnnxSession

    return OnnxSession(path)


def _open_torchscript(path: Path) -> ProgramSession:
    from workbench.runtime.torchscript import TorchScriptSession

    return TorchScriptSession(path)


SESSIONS: dict[ProgramFormat, Callable[[Path], ProgramSession]] = {
    "pte": _open_pte,
    "onnx": _open_onnx,
    "torchscript": _open_torchscript,
}


def open_program(path: Path) -> ProgramSession:
    """Loads a program, with a zero state. Raises ProgramError if it cannot be loaded.

    TorchScript can run code when it is loaded, and a broken `.pte` can crash the process. Use it for a file that you
    trust, or in an `IsolatedProcess`.
    """
    return SESSIONS[format_of(path.name)](path)


def import_runtime(path: Path) -> None:
    """Imports the runtime of a program, so that the import is not timed as a part of loading."""
    match format_of(path.name):
        case "pte":
            import workbench.runtime.executorch
        case "onnx":
            import onnxruntime  # noqa: F401

            import workbench.runtime.onnxruntime
        case "torchscript":
            import workbench.runtime.torchscript  # noqa: F401


def describe_program(path: Path) -> ProgramMetadata:
    """Returns the metadata of a program that this runtime can run. Raises ProgramError if it cannot be opened."""
    return open_program(path).metadata


def read_metadata(path: Path) -> ProgramMetadata:
    """Returns the metadata of a program. A `.pte` is only loaded, so this runtime need not have its backends.

    Raises ProgramError if the program cannot be loaded or its metadata is invalid.
    """
    if format_of(path.name) == "pte":
        from workbench.runtime.executorch import load_program

        return parse_metadata(load_program(path).entries, path)
    return describe_program(path)


def run_program(
    path: Path,
    clips: Sequence[Floats],
    sizes: Sequence[int] | None = None,
    state_handling: StateHandling = "continuous",
    times: int = 1,
    threads: int | None = None,
) -> list[Frames]:
    """Loads a program and runs clips through it.

    Args:
        path: The program.
        clips: (n,) float32 each at the program's rate, run by `run_clips`.
        sizes: Frames of successive calls, repeated; by default the smallest.
        state_handling: Whether the state is kept between calls.
        times: How often the clips are run, each time after a reset. The frames of the last run are returned.
        threads: Number of threads to set first. Only in a process that has loaded no program with another number.
    """
    if threads is not None:  # otherwise the last bits of a sum would depend on the machine's cores
        from workbench.runtime.executorch import set_num_threads

        set_num_threads(threads)
    session = with_state_handling(state_handling, open_program(path))
    for _ in range(times):
        frames = run_clips(session, clips, sizes)
    return frames
