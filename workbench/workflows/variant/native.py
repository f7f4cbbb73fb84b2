"""The native host of a run: it is built once, and a program that it cannot run is timed without it."""

from pathlib import Path

from workbench.errors import NativeHostError, ProgramError, WorkbenchError
from workbench.export.program_file import format_of
from workbench.measure.native_speed import NativeSide, measure_native_start
from workbench.progress import Progress
from workbench.runtime.native.build import native_host
from workbench.storage.cache_folder import cache_folder

ONLY_PTE = NativeHostError("the native host runs .pte programs only")


def build_native_host(progress: Progress) -> Path:
    """Returns the native host of this machine, built now if it is not in the cache. Raises NativeHostError."""
    with progress.stage("native host"):
        return native_host(cache_folder("hosts"))


def find_native_side(program: Path, threads: int, progress: Progress) -> NativeSide | WorkbenchError:
    """Returns the host and the program's start in it, or the error that says why the program is not timed there."""
    if format_of(program.name) != "pte":
        return ONLY_PTE
    host = find_native_host(progress)
    return start_natively(host, program, threads) if isinstance(host, Path) else host


def find_native_host(progress: Progress) -> Path | NativeHostError:
    """Returns the native host, which is built if it is not cached, or the error that says why there is none."""
    try:
        return build_native_host(progress)
    except NativeHostError as error:
        return error


def start_natively(host: Path, program: Path, threads: int) -> NativeSide | WorkbenchError:
    """Returns the host and the start of a `.pte` program in it, or the error that says why it does not run there."""
    try:
        return measure_native_start(host, program, threads)
    except (NativeHostError, ProgramError) as error:
        return error
