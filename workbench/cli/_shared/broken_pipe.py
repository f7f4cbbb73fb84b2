"""Standard output whose reader may have read enough, as `| head` has."""

import os
from pathlib import Path
from typing import Any, TextIO, cast


class _Unbroken:
    """What comes once the reader is gone goes nowhere, and the command goes on, to its files and its own exit code."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            self._let_go()
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._let_go()

    def _let_go(self) -> None:
        """Also of what the stream still holds, which the interpreter writes at its end."""
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), self._stream.fileno())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def ignore_broken_pipe(stream: TextIO | None) -> TextIO | None:
    """The stream, for one whose reader may go; None where the process was started without."""
    return None if stream is None else cast(TextIO, _Unbroken(stream))
