"""The host's side of a call, the same for every runtime: what it keeps between calls, and hands over with one.

A program's entries say which it is (`export/contract.py`). Nothing is kept of a call that fails.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from workbench.export.metadata import HOST_SUFFIX
from workbench.runtime.numpy_frontend import NumpyFrontend
from workbench.runtime.session import Floats


class Host(Protocol):
    """`inputs` are the program's for audio (streams, samples); `keep` hears all that it returned for them; `reset`
    empties the memory of one stream, or of all."""

    def inputs(self, audio: Floats) -> tuple[Floats, ...]: ...

    def keep(self, returned: Sequence[Floats]) -> None: ...

    def reset(self, stream: int | None) -> None: ...


class NoState:
    """Keeps nothing: the program does, or nobody."""

    def inputs(self, audio: Floats) -> tuple[Floats, ...]:
        return (audio,)

    def keep(self, returned: Sequence[Floats]) -> None:
        pass

    def reset(self, stream: int | None) -> None:
        pass


class StateBuffer:
    """Hands in the past audio (streams, samples), and keeps what comes back last."""

    def __init__(self, streams: int, past_samples: int) -> None:
        self._ring = np.zeros((streams, past_samples), np.float32)

    def inputs(self, audio: Floats) -> tuple[Floats, ...]:
        return audio, self._ring

    def keep(self, returned: Sequence[Floats]) -> None:
        self._ring = returned[-1]

    def reset(self, stream: int | None) -> None:
        self._ring = _emptied(self._ring, stream)


class WindowBuffer:
    """Hands over past audio and the call's as one window, and keeps the end of it.

    With a front end, it is that front end's energies of the window that are handed over.
    """

    def __init__(self, streams: int, past_samples: int, front_end: NumpyFrontend | None = None) -> None:
        self._past = self._window = np.zeros((streams, past_samples), np.float32)
        self._front_end = front_end

    def inputs(self, audio: Floats) -> tuple[Floats, ...]:
        self._window = np.concatenate((self._past, audio), -1)
        return (self._window if self._front_end is None else self._front_end(self._window),)

    def keep(self, returned: Sequence[Floats]) -> None:
        self._past = self._window[:, self._window.shape[-1] - self._past.shape[-1] :]

    def reset(self, stream: int | None) -> None:
        self._past = _emptied(self._past, stream)


def host_of(told: Mapping[str, Any], path: Path) -> Host:
    """The host that a program at `path` wants, by entries that `contract.told` found good, with an empty memory.

    Raises ProgramError where its front end is not beside it.
    """
    state, streams, past_samples = told["state"], int(told["streams"]), int(told["state_samples"])
    if state == "explicit":
        return StateBuffer(streams, past_samples)
    if state != "none":
        return NoState()
    if told.get("scope", "whole") == "whole":
        return WindowBuffer(streams, past_samples)
    front_end = NumpyFrontend(path.with_suffix(HOST_SUFFIX), str(told["host_sha256"]))
    return WindowBuffer(streams, past_samples, front_end)


def _emptied(memory: Floats, stream: int | None) -> Floats:
    """A copy: what a runtime returned may not be written to."""
    memory = memory.copy()
    memory[slice(None) if stream is None else stream] = 0
    return memory
