"""Times sessions in turns in one child process, and the cold start of one session in another."""

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

from workbench.errors import NativeHostError, WorkbenchError
from workbench.measure.native_speed import NativeSide, NativeTimes, NativeTurns
from workbench.measure.speed import (
    ColdStart,
    Milliseconds,
    PairTimes,
    Speed,
    TimingPlan,
    summarize,
)
from workbench.recipe.options import Reduction
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.executorch import set_num_threads
from workbench.runtime.isolation import IsolatedProcess
from workbench.runtime.native.session import NativeSession
from workbench.runtime.open_program import import_runtime, open_program
from workbench.runtime.process_info import peak_rss_bytes
from workbench.runtime.session import Floats, Session, chunks

if TYPE_CHECKING:
    from workbench.runtime.eager import UpstreamSession

ORDER_SEED = 7  # of the order of the sides within each round
_Name = TypeVar("_Name", bound=Hashable)


@dataclass(frozen=True)
class BaselineSpec:
    """What another process needs to set up the baseline."""

    checkpoint: str
    stream: StreamConfig
    reduction: Reduction
    trust: bool

    def session(self, margins: bool = True, streams: int = 1) -> "UpstreamSession":
        """Loads upstream's streaming model, for one voice or for several in one call."""
        from workbench.model.upstream import load_upstream  # a process that times only a program needs no upstream
        from workbench.runtime.eager import UpstreamSession

        stream = replace(self.stream, streams=streams)
        return UpstreamSession(load_upstream(self.checkpoint, stream, self.reduction, self.trust), stream, margins)


def cold_start(open_session: Callable[[], Session], threads: int) -> ColdStart:
    """Times the opening of a session and its first call, which is of silence and of the smallest size.

    Then it runs a call of every size that the session accepts, so that the peak memory includes the largest. It is
    meant for a fresh process, because it fixes the number of threads.
    """
    set_num_threads(threads)
    opening_s = time.perf_counter()
    session = open_session()
    opened_s = time.perf_counter()
    stream = session.stream
    session.step(np.zeros((stream.streams, stream.chunk_samples), np.float32))
    stepped_s = time.perf_counter()
    for frames in stream.sizes:
        session.step(np.zeros((stream.streams, frames * stream.hop_samples), np.float32))
    session.reset()
    return ColdStart(1000 * (opened_s - opening_s), 1000 * (stepped_s - opened_s), peak_rss_bytes())


def time_pair(
    baseline: BaselineSpec,
    program: Path,
    samples: Floats,
    plan: TimingPlan,
    native: NativeSide | WorkbenchError,
) -> Speed:
    """Times the baseline, a program in Python and the same program in the native host on the same audio, in turns.

    The cold start of the program in Python comes first, in a new Python that does nothing else.

    Args:
        baseline: The baseline; its stream is that of the program.
        program: The exported file.
        samples: (n,) float32. It starts over at its end.
        plan: Rounds and threads. A call has the smallest size and receives all streams, on every side.
        native: The native side, or why there is none.

    Raises:
        ProgramError: If the program does not load, fails or crashes the process.
    """
    with IsolatedProcess() as child:
        child.call(import_runtime, program)
        start = child.call(cold_start, partial(open_program, program), plan.threads)
    host = native.host if isinstance(native, NativeSide) else None
    with IsolatedProcess(copied=True) as child:
        frames = baseline.stream.frames_per_chunk
        try:
            times = child.call(time_pair_in_process, baseline, program, samples, plan, frames, host)
        except NativeHostError as error:  # says nothing about the program, which is timed without the host
            native = error
            times = child.call(time_pair_in_process, baseline, program, samples, plan, frames)
    return summarize(times, baseline.stream, plan.threads, start, native)


def time_pair_in_process(
    baseline: BaselineSpec, program: Path, samples: Floats, plan: TimingPlan, frames: int, host: Path | None = None
) -> PairTimes:
    """Times the sides in calls of `frames` frames. Without `host`, there is no native side.

    It is meant for a child process, because it fixes the number of threads. It may be called there again.
    """
    set_num_threads(plan.threads)
    calls = as_calls(samples, baseline.stream, frames)
    sides: dict[str, Turns] = {
        "baseline": SessionTurns(baseline.session(margins=False, streams=baseline.stream.streams), calls),
        "variant": SessionTurns(open_program(program), calls),
    }
    with ExitStack() as stack:
        native = None
        if host is not None:
            native = NativeTurns(stack.enter_context(NativeSession(host, program, plan.threads)), calls)
            sides["native"] = native
        times_ms = time_alternating(sides, plan)
    native_times = None if native is None else NativeTimes(times_ms["native"], native.allocations_per_call)
    return PairTimes(times_ms["baseline"], times_ms["variant"], native_times)


def time_natively(
    baseline: BaselineSpec, programs: Mapping[_Name, Path], samples: Floats, plan: TimingPlan, host: Path
) -> tuple[Milliseconds, dict[_Name, Milliseconds]]:
    """Times the baseline in Python and several programs in the native host, all in the same rounds.

    It is meant for a child process, because it fixes the number of threads.

    Args:
        baseline: The baseline; its stream is that of the programs.
        programs: The exported files by name. Each has its own process of the native host.
        samples: (n,) float32. It starts over at its end.
        plan: Rounds and threads. A call has the smallest size and receives all streams.
        host: The native host.

    Returns:
        (rounds, calls) float64 milliseconds of the baseline, and of each program by its name.

    Raises:
        NativeHostError: A host ended.
        ProgramError: A program does not load or fails.
    """
    set_num_threads(plan.threads)
    stream = baseline.stream
    calls = as_calls(samples, stream, stream.frames_per_chunk)
    with ExitStack() as stack:
        hosts = [stack.enter_context(NativeSession(host, program, plan.threads)) for program in programs.values()]
        eager = SessionTurns(baseline.session(margins=False, streams=stream.streams), calls)
        sides: list[Turns] = [eager, *(NativeTurns(each, calls) for each in hosts)]
        baseline_ms, *programs_ms = time_alternating(dict(enumerate(sides)), plan).values()
    return baseline_ms, dict(zip(programs, programs_ms, strict=True))


class Turns(Protocol):
    """One side of a timing, which has its turn in each round. Its calls start over at their end."""

    def warm_up(self, first: int, count: int) -> None:
        """Runs calls from the call `first` on, before the first turn."""
        ...

    def time(self, first: int, count: int) -> Milliseconds:
        """Runs calls from the call `first` on. Returns (count,) milliseconds of each."""
        ...


class SessionTurns:
    """A session in this process, with the calls that it is timed on: (streams, samples) float32 each."""

    def __init__(self, session: Session, calls: Sequence[Floats]) -> None:
        self._session, self._calls = session, calls

    def warm_up(self, first: int, count: int) -> None:
        self.time(first, count)

    def time(self, first: int, count: int) -> Milliseconds:
        times_ms = np.empty(count)
        for index in range(count):
            chunk = self._calls[(first + index) % len(self._calls)]
            started_s = time.perf_counter()
            self._session.step(chunk)
            times_ms[index] = 1000 * (time.perf_counter() - started_s)
        return times_ms


def as_calls(samples: Floats, stream: StreamConfig, frames: int) -> list[Floats]:
    """Cuts audio into whole calls of `frames` frames each.

    Args:
        samples: (n,) float32.
        stream: The stream. Each of several streams starts at another place of the audio.
        frames: The size of a call.

    Returns:
        (streams, samples) float32 of each call. Audio that is shorter than one call is padded with silence.
    """
    count, streams = len(samples), stream.streams
    lanes = np.stack([np.roll(samples, index * count // streams) for index in range(streams)])
    calls = list(chunks(lanes, stream, [frames]))
    whole_calls = count // calls[0].shape[-1]
    return calls[: max(1, whole_calls)]


def time_alternating(sides: Mapping[_Name, Turns], plan: TimingPlan) -> dict[_Name, Milliseconds]:
    """Times several sides in turns: first all warm up, then each has one turn per round, in shuffled order.

    A slow change of the machine's speed therefore affects all sides of a round equally. Each turn starts with
    `plan.untimed_per_turn` calls whose times are dropped, because the side before has left other data in the caches.

    Args:
        sides: The sides by name.
        plan: Rounds, calls per round and warm-up calls.

    Returns:
        (rounds, calls) milliseconds by name.
    """
    for side in sides.values():
        side.warm_up(0, plan.warmup_chunks)
    times_ms = {name: np.empty((plan.rounds, plan.chunks_per_round)) for name in sides}
    names, order = list(sides), np.random.default_rng(ORDER_SEED)
    for index in range(plan.rounds):
        first = index * (plan.untimed_per_turn + plan.chunks_per_round)
        for name in (names[position] for position in order.permutation(len(names))):
            turn_ms = sides[name].time(first, plan.untimed_per_turn + plan.chunks_per_round)
            times_ms[name][index] = turn_ms[plan.untimed_per_turn :]
    return times_ms
