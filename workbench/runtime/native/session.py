"""A session on a program in the native host, which is a child process that `source/host.cpp` describes."""

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from workbench.errors import NativeHostError, ProgramError
from workbench.export.metadata import parse_metadata
from workbench.runtime.isolation import OPEN_LIMIT_S
from workbench.runtime.native.host_process import HostProcess
from workbench.runtime.session import Floats, Frames, require_file, to_frames, validate_chunk, validate_stream_index

_RESET, _STEP, _LOAD_CALLS, _TIME, _COUNTERS, _TRACE = range(1, 7)  # the requests of host.cpp
_ALL_STREAMS = 0xFFFFFFFF
_CALL_NS = struct.Struct("=Q")
_TRACE_HEADER = struct.Struct("=II")  # the number of events, the bytes of their names
_CALL_LIMIT_S = 10.0  # of one timed call: the portable backend takes 8 s for the 32 frames of the largest usual call


@dataclass(frozen=True)
class CallTraces:
    """What the runtime reported of successive calls. An event is followed by the events inside it.

    The clock stands still while an event is recorded. Times are microseconds since the call began.

    Attributes:
        names: The runtime's name of each event.
        instructions: The instruction of the program that was running, of each event.
        recorded_us: (calls,) how long each call took, with recording.
        calls_us: (calls,) the same without recording.
        starts_us: (calls, events) when each event began.
        ends_us: (calls, events) when it ended.
    """

    names: tuple[str, ...]
    instructions: tuple[int, ...]
    recorded_us: NDArray[np.float64]
    calls_us: NDArray[np.float64]
    starts_us: NDArray[np.float64]
    ends_us: NDArray[np.float64]


class NativeSession:
    """One program with its own state in a separate process, as an app would run it.

    It ends with `close`, at the end of a `with` block, and with the workbench.

    Attributes:
        metadata: The program's metadata.
        stream: The program's stream.
        load_ms: How long the host took to read the file and to load its methods.
        last_call_us: How long the call in the last `step` took, by the clock in the host.

    Raises:
        ProgramError: The file does not load, is not a workbench program, or needs a front end outside of the program.
        NativeCrashError: The host crashed or did not reply in time, at any call.
        NativeHostError: It was killed from outside.
    """

    def __init__(self, host: Path, path: Path, threads: int = 1, limit_s: float = OPEN_LIMIT_S) -> None:
        """Opens a program. `limit_s` is the time limit of a reply in seconds; that of timed calls is longer."""
        require_file(path)
        self._host = HostProcess([host, path, str(threads)])
        self._limit_s = limit_s
        try:
            hello = self._hello(path)
            self.metadata = parse_metadata(hello["entries"], path)
        except BaseException:
            self.close()
            raise
        self.stream = self.metadata.stream
        self.load_ms: float = hello["load_ns"] / 1e6
        self.last_call_us = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The process of the host."""
        return self._host.pid

    def close(self) -> None:
        """Ends the host. A session that is closed cannot be used again."""
        self._host.close()

    def reset(self, stream: int | None = None) -> None:
        validate_stream_index(stream, self.stream)
        self._request(_RESET, _ALL_STREAMS if stream is None else stream)

    def step(self, chunk: Floats) -> Frames:
        audio = validate_chunk(chunk, self.stream)
        reply = self._request(_STEP, audio.shape[1], samples=audio)
        (call_ns,) = _CALL_NS.unpack_from(reply)
        self.last_call_us = call_ns / 1e3
        shape = (len(self.metadata.outputs), self.stream.streams, audio.shape[1] // self.stream.hop_samples)
        returned = np.frombuffer(reply, np.float32, offset=_CALL_NS.size)
        if returned.size != np.prod(shape):
            raise ProgramError(f"the program returned {returned.size} values, expected {shape}; rebuild the program")
        return to_frames(list(returned.reshape(shape)), self.metadata.outputs, chunk, self.stream)

    def load_calls(self, calls: Sequence[Floats]) -> None:
        """Sends the audio of the calls to be timed: (streams, samples) float32 each, all of one size."""
        audio = np.ascontiguousarray(np.stack(calls), np.float32)
        self._request(_LOAD_CALLS, len(calls), audio.shape[-1], samples=audio)

    def time(self, first: int, count: int) -> NDArray[np.float64]:
        """Returns (count,) microseconds of successive calls, from the call `first` on; the calls start over at the end.

        The clock is in the host, around the call.
        """
        return np.frombuffer(self._request(_TIME, first, count), np.uint64) / 1e3

    def trace(self, first: int, count: int) -> CallTraces:
        """Returns what the runtime reports of successive calls, from the call `first` on, as `time` runs them.

        It needs the host that is built for profiling.
        """
        reply = self._request(_TRACE, first, count)
        events, name_bytes = _TRACE_HEADER.unpack_from(reply)
        times_at = _TRACE_HEADER.size + name_bytes + 4 * events
        ns = np.frombuffer(reply[times_at:], np.int64)
        if ns.size != count * (2 + 2 * events):
            raise ProgramError("the operators of the calls differ; a profile needs calls that run the same operators")
        us = ns.reshape(count, 2 + 2 * events) / 1e3
        return CallTraces(
            names=tuple(reply[_TRACE_HEADER.size : _TRACE_HEADER.size + name_bytes].decode().splitlines()),
            instructions=tuple(map(int, np.frombuffer(reply, np.uint32, events, _TRACE_HEADER.size + name_bytes))),
            recorded_us=us[:, 0],
            calls_us=us[:, 1],
            starts_us=us[:, 2::2],
            ends_us=us[:, 3::2],
        )

    def counters(self) -> tuple[int | None, int | None]:
        """Returns the allocations during the last `time` and the host's peak memory in bytes; None if not known."""
        allocations, peak_bytes = (int(value) for value in np.frombuffer(self._request(_COUNTERS), np.int64))
        return (None if allocations < 0 else allocations), (None if peak_bytes < 0 else peak_bytes)

    def _request(self, kind: int, first: int = 0, second: int = 0, samples: Floats | None = None) -> bytes:
        limit_s = self._limit_s + (_CALL_LIMIT_S * second if kind in (_TIME, _TRACE) else 0.0)
        return self._host.request(kind, first, second, samples, limit_s=limit_s)

    def _hello(self, path: Path) -> dict[str, Any]:
        """Returns what the host says after loading. It knows nothing about a program that has crashed it."""
        try:
            hello: dict[str, Any] = json.loads(self._host.reply(self._limit_s))
        except NativeHostError as error:
            raise type(error)(f"{path}: {error}") from error
        except ValueError as error:  # a damaged text, or a number that is not finite
            raise ProgramError(f"{path}: the metadata cannot be read; rebuild the program") from error
        return hello
