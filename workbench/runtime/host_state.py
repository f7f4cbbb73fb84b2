"""What a host does around a call, for every runtime: it keeps the state between calls and passes it to the program.

The program's metadata says which host it requires (`export/metadata.py`). A call that fails changes no state.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from workbench.errors import ProgramError
from workbench.export.metadata import HOST_SUFFIX, ProgramMetadata
from workbench.runtime.numpy_frontend import NumpyFrontend
from workbench.runtime.session import Floats


class Host(Protocol):
    """Keeps the state of one session, (streams, past samples) float32, if the program does not keep it."""

    def inputs(self, audio: Floats) -> tuple[Floats, ...]:
        """Returns the program's inputs for audio (streams, samples)."""
        ...

    def update(self, returned: Sequence[Floats]) -> None:
        """Receives all outputs of the program for the last `inputs`, and updates the state.

        Raises ProgramError if the program returned a state of another shape.
        """
        ...

    def reset(self, stream: int | None) -> None:
        """Zeroes the state of one stream, or of all."""
        ...


class NoState:
    """The host keeps nothing: the program does, or there is no state."""

    def inputs(self, audio: Floats) -> tuple[Floats, ...]:
        return (audio,)

    def update(self, returned: Sequence[Floats]) -> None:
        pass

    def reset(self, stream: int | None) -> None:
        pass


class StateBuffer:
    """The state is the program's second input and its last output."""

    def __init__(self, streams: int, past_samples: int) -> None:
        self._state = np.zeros((streams, past_samples), np.float32)

    def inputs(self, audio: Floats) -> tuple[Floats, ...]:
        return audio, self._state

    def update(self, returned: Sequence[Floats]) -> None:
        state = returned[-1]
        if state.shape != self._state.shape:
            raise ProgramError(
                f"the program returned a state of {state.shape}; expected {self._state.shape}; rebuild the program"
            )
        self._state = state

    def reset(self, stream: int | None) -> None:
        self._state = _zeroed(self._state, stream)


class WindowBuffer:
    """The program's input is a window, the past audio followed by the new, or what a front end computes from it.

    The state is the last `past_samples` samples of the window.
    """

    def __init__(self, streams: int, past_samples: int, frontend: NumpyFrontend | None = None) -> None:
        self._past = self._window = np.zeros((streams, past_samples), np.float32)
        self._frontend = frontend

    def inputs(self, audio: Floats) -> tuple[Floats, ...]:
        self._window = np.concatenate((self._past, audio), -1)
        return (self._window if self._frontend is None else self._frontend(self._window),)

    def update(self, returned: Sequence[Floats]) -> None:
        self._past = self._window[:, self._window.shape[-1] - self._past.shape[-1] :]

    def reset(self, stream: int | None) -> None:
        self._past = _zeroed(self._past, stream)


def host_of(metadata: ProgramMetadata, path: Path) -> Host:
    """Returns the host that the program at `path` requires, with a zero state.

    Raises ProgramError if the program's front end is not in the file beside it.
    """
    streams, past_samples = metadata.streams, metadata.state_samples
    if metadata.state == "explicit":
        return StateBuffer(streams, past_samples)
    if metadata.state != "none":
        return NoState()
    if metadata.scope == "whole":
        return WindowBuffer(streams, past_samples)
    frontend = NumpyFrontend(path.with_suffix(HOST_SUFFIX), metadata.host_sha256)
    return WindowBuffer(streams, past_samples, frontend)


def _zeroed(state: Floats, stream: int | None) -> Floats:
    """Returns a copy with one row, or all of it, zeroed: a runtime's output may not be writable."""
    state = state.copy()
    state[slice(None) if stream is None else stream] = 0
    return state
