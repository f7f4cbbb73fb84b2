"""The native host as a child process: requests and replies over its pipes, each with a time limit."""

import re
import signal
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from workbench.errors import NativeCrashError, NativeHostError, ProgramError
from workbench.runtime.isolation import EXIT_CODES_FROM_OUTSIDE
from workbench.runtime.session import Floats

_HEADER = struct.Struct("=II")
_REQUEST = struct.Struct("=III")
_END_LIMIT_S = 10.0
_WATCH_EVERY_S = 0.1
_INFORMATION = re.compile(r"[DI] [\d:.]+ executorch:")  # the start of a line that ExecuTorch logs without an error


class HostProcess:
    """One process of the host. `source/host.cpp` describes the requests and replies.

    A process that does not reply in time is killed. The one that replies is the host's own code; what ends the process
    is mostly a damaged program, which the runtime does not check.
    """

    def __init__(self, command: Sequence[str | Path]) -> None:
        """Starts the host. Its first reply comes without a request. Raises NativeHostError if it does not start."""
        self._log: IO[bytes] = tempfile.TemporaryFile(prefix="workbench-")  # noqa: SIM115 - `close` closes it
        try:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log)
        except OSError as error:
            self._log.close()
            raise NativeHostError(f"{command[0]}: the native host cannot be started ({error.strerror})") from error
        self._limit: tuple[float, float] | None = None  # of the request that runs: when it has to end, and its seconds
        self._passed_limit_s: float | None = None
        self._closed = threading.Event()
        threading.Thread(target=self._end_late_process, name="native-host-limit", daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        """Ends the process at once. A request that runs in another thread raises NativeHostError."""
        self._process.kill()

    def close(self) -> None:
        """Ends the process."""
        self._closed.set()
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

    def request(
        self, kind: int, first: int = 0, second: int = 0, samples: Floats | None = None, *, limit_s: float
    ) -> bytes:
        """Sends a request and returns the reply.

        Raises:
            ProgramError: The reply is an error of the program.
            NativeCrashError: The process crashed, or did not reply within `limit_s`.
            NativeHostError: It was killed from outside.
        """
        assert self._process.stdin is not None
        with self._ended_after(limit_s):
            try:
                self._process.stdin.write(_REQUEST.pack(kind, first, second))
                if samples is not None:
                    self._process.stdin.write(samples.data)
                self._process.stdin.flush()
            except (BrokenPipeError, ValueError):
                raise self._ended() from None
            return self._read_reply()

    def reply(self, limit_s: float) -> bytes:
        """Returns the next reply. Raises as `request`."""
        with self._ended_after(limit_s):
            return self._read_reply()

    @contextmanager
    def _ended_after(self, limit_s: float) -> Iterator[None]:
        self._limit = time.monotonic() + limit_s, limit_s
        try:
            yield
        finally:
            self._limit = None

    def _end_late_process(self) -> None:
        """Ends the process if a request takes too long, because the pipes of Windows cannot be read with a time limit.

        It is one thread for all requests: to start one for each takes longer than a call.
        """
        while not self._closed.wait(_WATCH_EVERY_S):
            limit = self._limit
            if limit is not None and time.monotonic() > limit[0]:
                self._passed_limit_s = limit[1]
                self._process.kill()

    def _read_reply(self) -> bytes:
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
        if self._passed_limit_s is not None:
            return NativeCrashError(f"the native host did not reply within {self._passed_limit_s:g} s and was ended")
        self._log.seek(0)
        lines = [line.strip() for line in self._log.read().decode(errors="replace").splitlines() if line.strip()]
        lines = [line for line in lines if "cpuinfo" not in line and not _INFORMATION.match(line)]
        last = f" (last stderr line: {lines[-1]})" if lines else ""
        code = self._process.returncode
        error = NativeHostError if code in EXIT_CODES_FROM_OUTSIDE else NativeCrashError
        return error(f"the native host ended with {_exit_text(code)}{last}")


def _exit_text(code: int) -> str:
    """Returns the name of the signal that ended a process, or its exit code."""
    names = {-known.value: known.name for known in signal.Signals}
    return names.get(code, f"exit code {code}")
