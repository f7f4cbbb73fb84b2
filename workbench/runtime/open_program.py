"""A session on a program's file, whatever its format: `.onnx` in ONNX Runtime, `.pt` in torch, all else in ExecuTorch.

Functions of their own, so that a `Child` can run them: a broken program can crash its runtime.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from workbench.export.metadata import parse_metadata
from workbench.export.program_file import ProgramFormat, format_of
from workbench.recipe.options import Output
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.executorch import PteSession, fix_threads, load_program
from workbench.runtime.onnxruntime import OnnxSession
from workbench.runtime.session import Floats, Frames, Session, run_clips
from workbench.runtime.state_protocol import StateHandling, with_state_handling
from workbench.runtime.torchscript import TorchScriptSession


class ProgramSession(Session, Protocol):
    """A session on a file: `outputs` are what it returns, `constants` is all that it tells."""

    outputs: tuple[Output, ...]
    constants: dict[str, Any]


_SESSIONS: dict[ProgramFormat, Callable[[Path], ProgramSession]] = {
    "pte": PteSession,
    "onnx": OnnxSession,
    "torchscript": TorchScriptSession,
}


def open_program(path: Path) -> ProgramSession:
    """The program, freshly loaded, its memory empty. Raises ProgramError where it cannot be.

    Loading TorchScript can run code: as with a `.pte`, only for files that may be trusted, or in a `Child`.
    """
    return _SESSIONS[format_of(path.name)](path)


def import_runtime(path: Path) -> None:
    """Import what is imported only where it is used: no part of loading a program, where that is timed."""
    if format_of(path.name) == "onnx":
        import onnxruntime  # noqa: F401


def describe_program(path: Path) -> tuple[StreamConfig, tuple[Output, ...], dict[str, Any]]:
    """The stream of a program, its outputs, and all that it tells."""
    session = open_program(path)
    return session.stream, session.outputs, session.constants


def read_metadata(path: Path) -> dict[str, Any]:
    """All that a program tells, found good. It need not be one that this runtime can run: a `.pte` is only loaded."""
    said = load_program(path)[1] if format_of(path.name) == "pte" else open_program(path).constants
    parse_metadata(said, path)
    return said


def run_program(
    path: Path,
    clips: Sequence[Floats],
    sizes: Sequence[int] | None = None,
    memory: StateHandling = "continuous",
    times: int = 1,
    threads: int | None = None,
) -> list[Frames]:
    """`session.roll_streams` on a freshly loaded program, `times` over, from a reset each; the last is returned.

    With `threads`, it fixes them: for a process that has loaded no program with others, through `Child`.
    """
    if threads is not None:  # or the last bits of a sum would depend on the machine's cores
        fix_threads(threads)
    session = with_state_handling(memory, open_program(path))
    for _ in range(times):
        frames = run_clips(session, clips, sizes)
    return frames
