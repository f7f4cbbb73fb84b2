"""Sessions for live audio, each in its own process: in the native host if the program runs there, else in Python."""

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol, cast

from workbench.errors import NativeHostError, ProgramError, WorkbenchError
from workbench.export.metadata import ProgramMetadata
from workbench.export.program_file import format_of
from workbench.recipe.options import Reduction
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.isolation import OPEN_LIMIT_S, IsolatedProcess
from workbench.runtime.native.session import NativeSession
from workbench.runtime.open_program import ProgramSession, open_program
from workbench.runtime.session import Floats, Frames, Session, timed_step

CALL_LIMIT_S = 10.0


class LiveSession(Session, Protocol):
    """A session that says how long its last call took, and that ends."""

    native: bool

    @property
    def last_call_ms(self) -> float:
        """The time of the last `step` by the clock of the process that ran it, in milliseconds."""
        ...

    def close(self) -> None:
        """Ends the process of the session at once, also while another thread waits for a call, which then fails."""
        ...


class LiveProgramSession(LiveSession, Protocol):
    """A live session of a program, with its metadata."""

    metadata: ProgramMetadata


class NativeLiveSession(NativeSession):
    """A program in the native host."""

    native = True

    @property
    def last_call_ms(self) -> float:
        return self.last_call_us / 1000

    def close(self) -> None:
        self._host.kill()
        super().close()


class _TimedSession:
    """In the child process: a session that times its calls."""

    def __init__(self, open_session: Callable[[], Session]) -> None:
        from workbench.runtime.executorch import set_num_threads

        set_num_threads(1)
        self._session = open_session()

    def stream(self) -> StreamConfig:
        return self._session.stream

    def metadata(self) -> ProgramMetadata:
        return cast(ProgramSession, self._session).metadata

    def reset(self) -> None:
        self._session.reset()

    def step(self, chunk: Floats) -> tuple[Frames, float]:
        return timed_step(self._session, chunk)


class IsolatedLiveSession:
    """A session in a Python process. Raises ProgramError if it cannot be opened, or if it crashes later."""

    native = False

    def __init__(self, open_session: Callable[[], Session]) -> None:
        with ExitStack() as stack:
            process = stack.enter_context(IsolatedProcess(OPEN_LIMIT_S))
            self._worker = process.start(_TimedSession, open_session)
            self.stream = self._worker.call(_TimedSession.stream)
            process.limit_s = CALL_LIMIT_S
            self._process = process
            self._stack = stack.pop_all()
        self.last_call_ms = 0.0

    def close(self) -> None:
        self._process.kill()
        self._stack.close()

    def reset(self, stream: int | None = None) -> None:
        self._worker.call(_TimedSession.reset)

    def step(self, chunk: Floats) -> Frames:
        frames, self.last_call_ms = self._worker.call(_TimedSession.step, chunk)
        return frames


class IsolatedLiveProgram(IsolatedLiveSession):
    """A program in a Python process."""

    def __init__(self, path: Path) -> None:
        super().__init__(functools.partial(open_program, path))
        self.metadata: ProgramMetadata = self._worker.call(_TimedSession.metadata)


def open_live_program(path: Path, host: Path | None) -> LiveProgramSession:
    """Opens a program in the native host, or in Python if there is none or if it does not run the program.

    Raises ProgramError if the program runs in neither, has several streams, or returns no confidence.
    """
    session = _open(path, host)
    problem = ""
    if session.stream.streams > 1:
        problem = f"has {session.stream.streams} streams, and a microphone is one; build it with streams: 1"
    elif "pitch" not in session.metadata.outputs or "confidence" not in session.metadata.outputs:
        problem = "returns no pitch or no confidence; build it with all outputs"
    if problem:
        session.close()
        raise ProgramError(f"{path}: {problem}")
    return session


def _open(path: Path, host: Path | None) -> LiveProgramSession:
    if host is not None and format_of(path.name) == "pte":
        try:
            return NativeLiveSession(host, path, limit_s=CALL_LIMIT_S)
        except (NativeHostError, ProgramError):
            pass  # the error that Python reports is more precise, or there is none
    with _named(str(path)):
        return IsolatedLiveProgram(path)


@contextmanager
def _named(what: str) -> Iterator[None]:
    """Puts what did not open in front of the message of an error that does not name it."""
    try:
        yield
    except WorkbenchError as error:
        if what in str(error):
            raise
        raise type(error)(f"{what}: {error}") from error


def open_live_baseline(checkpoint: str, stream: StreamConfig, reduction: Reduction, trust: bool) -> LiveSession:
    """Opens upstream in eager PyTorch. Raises WorkbenchError if the checkpoint cannot be used."""
    with _named("upstream"):
        return IsolatedLiveSession(functools.partial(_open_upstream, checkpoint, stream, reduction, trust))


def _open_upstream(checkpoint: str, stream: StreamConfig, reduction: Reduction, trust: bool) -> Session:
    from workbench.measure.timing import BaselineSpec  # imports torch, which only the child process needs

    return BaselineSpec(checkpoint, stream, reduction, trust).session(margins=False)
