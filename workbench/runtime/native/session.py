"""A session on a program in the native host, which is a child process that `source/host.cpp` describes."""

import json
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import numpy as np
from numpy.typing import NDArray

from workbench.errors import NativeHostError, ProgramError
from workbench.export.metadata import parse_metadata
from workbench.runtime.session import Floats, Frames, require_file, to_frames, validate_chunk, validate_stream_index

_RESET, _STEP, _LOAD_CALLS, _TIME, _COUNTERS, _TRACE = range(1, 7)  # the requests of host.cpp
_ALL_STREAMS = 0xFFFFFFFF
_HEADER = struct.Struct("=II")
_REQUEST = struct.Struct("=III")
_END_LIMIT_S = 10.0


@dataclass(frozen=True)
class CallTraces:
    """What the runtime reported of successive calls. An event is followed by the events inside it.

    The clock stands still while an event is recorded. Times are microseconds since the call began.

    Attributes:
        names: The runtime's name of each event.
        instructions: The instruction of the program that was running, of each event.
        calls_us: (calls,) how long each call took.
        starts_us: (calls, events) when each event began.
        ends_us: (calls, events) when it ended.
    """

    names: tuple[str, ...]
    instructions: tuple[int, ...]
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

    Raises:
        ProgramError: The file does not load, is not a workbench program, or needs a front end outside of the program.
        NativeHostError: The host ended, at any call: it crashed, or it was killed.
    """

    def __init__(self, host: Path, path: Path, threads: int = 1) -> None:
        require_file(path)
        self._log: IO[bytes] = tempfile.TemporaryFile(prefix="workbench-")  # noqa: SIM115 - `close` closes it
        self._process = subprocess.Popen(
            [host, path, str(threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log
        )
        try:
            hello = json.loads(self._reply())
            self.metadata = parse_metadata(hello["entries"], path)
        except BaseException:
            self.close()
            raise
        self.stream = self.metadata.stream
        self.load_ms: float = hello["load_ns"] / 1e6

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the host. A session that is closed cannot be used again."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:  # the host has ended before
                    continue
        try:
            self._process.wait(_END_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def reset(self, stream: int | None = None) -> None:
        validate_stream_index(stream, self.stream)
        self._request(_RESET, _ALL_STREAMS if stream is None else stream)

    def step(self, chunk: Floats) -> Frames:
        audio = validate_chunk(chunk, self.stream)
        reply = self._request(_STEP, audio.shape[1], samples=audio)
        shape = (len(self.metadata.outputs), self.stream.streams, audio.shape[1] // self.stream.hop_samples)
        returned = np.frombuffer(reply, np.float32)
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
        events, name_bytes = _HEADER.unpack_from(reply)
        times_at = _HEADER.size + name_bytes + 4 * events
        ns = np.frombuffer(reply[times_at:], np.int64)
        if ns.size != count * (1 + 2 * events):
            raise ProgramError("the operators of the calls differ; a profile needs calls that run the same operators")
        us = ns.reshape(count, 1 + 2 * events) / 1e3
        return CallTraces(
            names=tuple(reply[_HEADER.size : _HEADER.size + name_bytes].decode().splitlines()),
            instructions=tuple(map(int, np.frombuffer(reply, np.uint32, events, _HEADER.size + name_bytes))),
            calls_us=us[:, 0],
            starts_us=us[:, 1::2],
            ends_us=us[:, 2::2],
        )

    def counters(self) -> tuple[int | None, int | None]:
        """Returns the allocations during the last `time` and the host's peak memory in bytes; None if not known."""
        allocations, peak_bytes = (int(value) for value in np.frombuffer(self._request(_COUNTERS), np.int64))
        return (None if allocations < 0 else allocations), (None if peak_bytes < 0 else peak_bytes)

    def _request(self, kind: int, first: int = 0, second: int = 0, samples: Floats | None = None) -> bytes:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(_REQUEST.pack(kind, first, second))
            if samples is not None:
                self._process.stdin.write(samples.data)
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            raise self._ended() from None
        return self._reply()

    def _reply(self) -> bytes:
        status, size = _HEADER.unpack(self._read(_HEADER.size))
        content = self._read(size)
        if status:
            raise ProgramError(content.decode(errors="replace"))
        return content

    def _read(self, size: int) -> bytes:
        assert self._process.stdout is not None
        content = self._process.stdout.read(size)
        if len(content) < size:
            raise self._ended()
        return content

    def _ended(self) -> NativeHostError:
        self._process.wait()
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").splitlines()
        last = f" (last stderr line: {lines[-1].strip()})" if lines else ""
        return NativeHostError(f"the native host ended with exit code {self._process.returncode}{last}")
