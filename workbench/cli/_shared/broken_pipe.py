"""Standard output whose reader may stop early, as `| head` does."""

import os
from pathlib import Path
from typing import Any, TextIO, cast


class _IgnoresBrokenPipe:
    """Discards what is written after the reader has left, so the command still writes its files and its exit code."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            self._discard()
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._discard()

    def _discard(self) -> None:
        """Redirects the descriptor to the null device: the interpreter writes what is buffered when it exits."""
        with Path(os.devnull).open("wb") as null:
            os.dup2(null.fileno(), self._stream.fileno())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def ignore_broken_pipe(stream: TextIO | None) -> TextIO | None:
    """Returns the stream, safe to write to after its reader has left; None if the process was started without one."""
    return None if stream is None else cast(TextIO, _IgnoresBrokenPipe(stream))
