"""What a bench runs in its child processes: the cold run of one contender, and all of them timed together."""

import multiprocessing
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Literal

import numpy as np

from workbench.errors import WorkbenchError
from workbench.measure.native_speed import NativeTimes, NativeTurns
from workbench.measure.speed import ColdStart, Milliseconds, TimingPlan
from workbench.measure.timing import (
    ORDER_SEED,
    BaselineSpec,
    SessionTurns,
    Turns,
    as_calls,
    cold_start,
    time_alternating,
)
from workbench.measure.tones.steadiness import rendered_samples
from workbench.runtime.executorch import set_num_threads
from workbench.runtime.native.session import NativeSession
from workbench.runtime.open_program import import_runtime, open_program
from workbench.runtime.process_info import peak_rss_bytes
from workbench.runtime.session import Floats, Frames, Session, run_clips

_LOAD_SAMPLES = 4_000_000  # 16 MB per pass: the load takes memory bandwidth as well as a core


@dataclass(frozen=True)
class Contender:
    """One of several ways to run the same stream, as a description that another process can open.

    Attributes:
        name: The name in the bench.
        what: A short description for the table.
        kind: What runs it.
        file: The only file that it loads: a program, or upstream's checkpoint for eager.
        sha256: The hash of the file when it was built, or when it entered the bench.
        baseline: The baseline of the bench.
    """

    name: str
    what: str
    kind: Literal["eager", "torchscript", "onnx", "pte"]
    file: Path
    sha256: str
    baseline: BaselineSpec

    def session(self) -> Session:
        """Loads the file. The number of threads is that of the process: see `timing.cold_start`.

        Raises:
            ProgramError: If the file does not load.
        """
        if self.kind == "eager":
            return self.baseline.session(margins=False, streams=self.baseline.stream.streams)
        return open_program(self.file)

    def import_runtime(self) -> None:
        """Imports the runtime, so that the import does not count as loading the model."""
        if self.kind == "eager":
            import workbench.runtime.eager  # noqa: F401
        else:
            import_runtime(self.file)


@dataclass(frozen=True)
class ColdRun:
    """The cold start of a contender in a fresh process, and its frames of the clips and of `rendered_samples`.

    Both start after a reset. `imported_rss_bytes` is the peak memory of the process before it opened the contender.
    """

    start: ColdStart
    imported_rss_bytes: int
    frames: Frames
    rendered: Sequence[Frames] = ()


def cold_run(contender: Contender, samples: Floats, threads: int) -> ColdRun:
    """Runs one contender. It is meant for a fresh process.

    Args:
        contender: The contender.
        samples: (n,) float32. Every stream receives it; the frames are those of the first stream.
        threads: The number of threads, fixed for the process.
    """
    contender.import_runtime()
    imported_rss_bytes = peak_rss_bytes()
    start = cold_start(contender.session, threads)
    session = contender.session()
    (frames,) = run_clips(session, [samples])
    return ColdRun(start, imported_rss_bytes, frames, run_clips(session, rendered_samples(session.stream)))


@dataclass(frozen=True)
class ContenderTimes:
    """The times of one contender in turns with all others: (rounds, calls) ms, and those in the native host if any."""

    session_ms: Milliseconds
    native: NativeTimes | None


class BenchWorker:
    """The open sessions of all contenders, in the child process that times them."""

    def __init__(self, contenders: Sequence[Contender], samples: Floats, threads: int) -> None:
        """Opens the contenders. `samples`: (n,) float32; it starts over at its end."""
        set_num_threads(threads)
        self._stream = contenders[0].baseline.stream
        self._sessions = {contender.name: contender.session() for contender in contenders}
        self._files = {contender.name: contender.file for contender in contenders}
        self._calls = as_calls(samples, self._stream, self._stream.frames_per_chunk)

    def alternating(self, plan: TimingPlan, hosts: Mapping[str, Path]) -> dict[str, ContenderTimes]:
        """Times all contenders in turns, and those in `hosts` also in a native host of their own. Returns them by name.

        Raises:
            NativeHostError: A host ended.
        """
        sides: dict[tuple[str, str], Turns] = {
            (name, "session"): SessionTurns(session, self._calls) for name, session in self._sessions.items()
        }
        with ExitStack() as stack:
            native = {}
            for name, host in hosts.items():
                session = stack.enter_context(NativeSession(host, self._files[name], plan.threads))
                native[name] = sides[name, "native"] = NativeTurns(session, self._calls)
            times_ms = time_alternating(sides, plan)
        native_times = {
            name: NativeTimes(times_ms[name, "native"], turns.allocations_per_call) for name, turns in native.items()
        }
        return {name: ContenderTimes(times_ms[name, "session"], native_times.get(name)) for name in self._sessions}

    def response_ms(self, count: int) -> dict[str, Milliseconds]:
        """Runs `count` calls of each contender at the pace of the audio, one contender after the other.

        Returns:
            (count,) milliseconds from when each call was due to when it was finished, by name.
        """
        order = np.random.default_rng(ORDER_SEED).permutation(list(self._sessions))
        period_ms = self._stream.chunk_ms
        return {str(name): response_times(self._sessions[name], self._calls, count, period_ms) for name in order}


def response_times(session: Session, calls: Sequence[Floats], count: int, period_ms: float) -> Milliseconds:
    """Runs calls at a fixed period.

    One call is due in each period. It starts late if the call before it is not finished. A response time above the
    period is a missed deadline.

    Args:
        session: The session.
        calls: (streams, samples) float32 of each call. They start over at their end.
        count: The number of calls.
        period_ms: The period.

    Returns:
        (count,) milliseconds from when a call was due to when it was finished.
    """
    response_ms = np.empty(count)
    started_s = time.perf_counter()
    for index in range(count):
        due_s = started_s + index * period_ms / 1000
        time.sleep(max(0.0, due_s - time.perf_counter()))
        session.step(calls[index % len(calls)])
        response_ms[index] = 1000 * (time.perf_counter() - due_s)
    return response_ms


@contextmanager
def background_load() -> Iterator[None]:
    """Keeps a second process busy during the block: one thread, without a pause.

    Raises:
        WorkbenchError: If the process does not start within a minute.
    """
    context = multiprocessing.get_context("spawn")
    running = context.Event()
    process = context.Process(target=_load_the_machine, args=(running,), daemon=True)
    process.start()
    try:
        if not running.wait(60):
            raise WorkbenchError("the background load did not start; run again on a machine with more memory")
        yield
    finally:
        process.terminate()
        process.join()


def _load_the_machine(running: Event) -> None:
    samples = np.ones(_LOAD_SAMPLES, np.float32)
    running.set()
    parent = multiprocessing.parent_process()
    assert parent is not None
    while parent.is_alive():  # a parent that is killed cannot end this process
        np.multiply(samples, np.float32(0.5), out=samples)
        samples += np.float32(0.5)
