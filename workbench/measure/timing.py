"""Sessions timed against each other, in a process of their own, and the cold start of one in another."""

import platform
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.measure.speed import ColdStart, Speed, TimingPlan, summarize
from workbench.model.upstream import load_upstream
from workbench.recipe.options import Reduction
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.eager import UpstreamSession
from workbench.runtime.executorch import fix_threads
from workbench.runtime.isolation import IsolatedProcess
from workbench.runtime.open_program import open_program
from workbench.runtime.session import Floats, Session, chunks

ORDER_SEED = 7  # of the order of the sides within each round
_STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class BaselineSpec:
    """What it takes to set up the baseline in another process."""

    checkpoint: str
    stream: StreamConfig
    reduction: Reduction
    trust: bool

    def session(self, margins: bool = True, streams: int = 1) -> UpstreamSession:
        """Upstream's streaming model, freshly loaded: for one voice, or for several in one call."""
        stream = replace(self.stream, streams=streams)
        return UpstreamSession(load_upstream(self.checkpoint, stream, self.reduction, self.trust), stream, margins)


def cold_start(open_session: Callable[[], Session], threads: int) -> ColdStart:
    """Open a session and time it, and one chunk of silence, the smallest; then run every size that it takes. For a
    fresh process, through `Child`: it fixes the threads."""
    fix_threads(threads)
    begin = time.perf_counter()
    session = open_session()
    loaded = time.perf_counter()
    session.step(np.zeros((session.stream.streams, session.stream.chunk_samples), np.float32))
    stepped = time.perf_counter()
    for frames in session.stream.sizes:  # a size counts only once it was executed
        session.step(np.zeros((session.stream.streams, frames * session.stream.hop_samples), np.float32))
    session.reset()
    return ColdStart(1000 * (loaded - begin), 1000 * (stepped - loaded), peak_rss_bytes())


def peak_rss_bytes() -> int:
    """The most memory that this process has held so far.

    Linux hands `ru_maxrss` on to every process that is started, so that a child would tell its parent's; `VmHWM` is
    the process's own.
    """
    if _STATUS.is_file():
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if platform.system() == "Darwin" else peak * 1024


def time_pair(baseline: BaselineSpec, program: Path, samples: Floats, plan: TimingPlan, start: ColdStart) -> Speed:
    """Time both sides on the same audio (n,) in one fresh process; `start` was measured in another.

    A call is of the smallest size and hears all streams, on both sides.
    """
    with IsolatedProcess() as child:
        baseline_ms, variant_ms = child.call(
            time_pair_in_process, baseline, program, samples, plan, baseline.stream.frames_per_chunk
        )
    return summarize(baseline_ms, variant_ms, baseline.stream, plan.threads, start)


def time_pair_in_process(
    baseline: BaselineSpec, program: Path, samples: Floats, plan: TimingPlan, frames: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(rounds, chunks) milliseconds of baseline and variant in calls of so many frames. For a fresh process, through
    `Child`: it fixes the threads, and may be called again there."""
    fix_threads(plan.threads)
    sides: dict[str, Session] = {
        "baseline": baseline.session(margins=False, streams=baseline.stream.streams),
        "variant": open_program(program),
    }
    times_ms = time_alternating(sides, as_calls(samples, baseline.stream, frames), plan)
    return times_ms["baseline"], times_ms["variant"]


def as_calls(samples: Floats, stream: StreamConfig, frames: int) -> list[Floats]:
    """Audio (n,) as whole calls (streams, samples) of so many frames; each stream starts elsewhere in it."""
    voices = np.stack([np.roll(samples, at * len(samples) // stream.streams) for at in range(stream.streams)])
    calls = list(chunks(voices, stream, [frames]))
    return calls[: max(1, len(samples) // calls[0].shape[-1])]  # the last one may be shorter


def time_alternating(
    sessions: Mapping[str, Session], calls: Sequence[Floats], plan: TimingPlan
) -> dict[str, NDArray[np.float64]]:
    """(rounds, chunks) milliseconds of each session's calls: warm-up first, then rounds in which every one has its
    turn, in shuffled order. What the machine does slowly, it does to all of a round alike."""
    for session in sessions.values():
        _time(session, calls, 0, plan.warmup_chunks)
    times_ms = {name: np.empty((plan.rounds, plan.chunks_per_round)) for name in sessions}
    order = np.random.default_rng(ORDER_SEED)
    for at in range(plan.rounds):
        for name in order.permutation(list(sessions)):
            times_ms[name][at] = _time(sessions[name], calls, at * plan.chunks_per_round, plan.chunks_per_round)
    return times_ms


def _time(session: Session, calls: Sequence[Floats], first: int, count: int) -> NDArray[np.float64]:
    """(count,) milliseconds of successive calls; the clip starts over where it ends."""
    times_ms = np.empty(count)
    for at in range(count):
        chunk = calls[(first + at) % len(calls)]
        begin = time.perf_counter()
        session.step(chunk)
        times_ms[at] = 1000 * (time.perf_counter() - begin)
    return times_ms
