"""Checks of input files without an import of torch or a child process: a missing file is reported at once."""

from collections.abc import Iterable
from pathlib import Path

from workbench.errors import AudioError
from workbench.runtime.session import require_file


def check_programs(paths: Iterable[Path]) -> None:
    """Raises ProgramError if a program's file is missing."""
    for path in paths:
        require_file(path)


def check_audio(path: Path) -> None:
    """Raises AudioError if an audio file is missing."""
    if not path.exists():
        raise AudioError(f"{path}: no such audio file; check the path")
