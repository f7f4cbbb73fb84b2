"""Baseline and variant timed against each other, in a process of their own."""

import platform
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from workbench.measure.speed import Plan, Speed, Start, summarize
from workbench.model.pesto import load_upstream
from workbench.model.stream import Reduction, Stream
from workbench.runtime.child import Child
from workbench.runtime.eager import UpstreamSession
from workbench.runtime.pte import PteSession, set_threads
from workbench.runtime.session import Floats, Session, chunks

_SEED = 7  # of the order of the sides within each round


@dataclass(frozen=True)
class Baseline:
    """What it takes to set up the baseline in another process."""

    checkpoint: str
    stream: Stream
    reduction: Reduction
    trust: bool

    def session(self, margins: bool = True, streams: int = 1) -> UpstreamSession:
        """Upstream's streaming model, freshly loaded: for one voice, or for several in one call."""
        stream = replace(self.stream, streams=streams)
        return UpstreamSession(load_upstream(self.checkpoint, stream, self.reduction, self.trust), stream, margins)


def cold_start(program: Path, threads: int) -> Start:
    """Load a program and time it, and one chunk of silence, the smallest; then run every size that it takes. For a
    fresh process, through `Child`: it fixes the threads."""
    set_threads(threads)
    begin = time.perf_counter()
    session = PteSession(program)
    loaded = time.perf_counter()
    session.step(np.zeros((session.stream.streams, session.stream.chunk_samples), np.float32))
    stepped = time.perf_counter()
    for frames in session.stream.sizes:  # a size counts only once it was executed
        session.step(np.zeros((session.stream.streams, frames * session.stream.hop_samples), np.float32))
    session.reset()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak_bytes = peak if platform.system() == "Darwin" else peak * 1024  # Linux counts in KiB
    return Start(1000 * (loaded - begin), 1000 * (stepped - loaded), peak_bytes)


def race(baseline: Baseline, program: Path, samples: Floats, plan: Plan, start: Start) -> Speed:
    """Time both sides on the same audio (n,) in one fresh process; `start` was measured in another.

    A call is of the smallest size and hears all streams, on both sides.
    """
    with Child() as child:
        baseline_ms, variant_ms = child.call(
            race_here, baseline, program, samples, plan, baseline.stream.frames_per_chunk
        )
    return summarize(baseline_ms, variant_ms, baseline.stream, plan.threads, start)


def race_here(
    baseline: Baseline, program: Path, samples: Floats, plan: Plan, frames: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(rounds, chunks) milliseconds of baseline and variant in calls of so many frames. For a fresh process, through
    `Child`: it fixes the threads, and may be called again there."""
    torch.set_num_threads(plan.threads)
    set_threads(plan.threads)
    streams = baseline.stream.streams
    sides: dict[Literal["baseline", "variant"], Session] = {
        "baseline": baseline.session(margins=False, streams=streams),
        "variant": PteSession(program),
    }
    voices = np.stack([np.roll(samples, at * len(samples) // streams) for at in range(streams)])
    rows = list(chunks(voices, baseline.stream, [frames]))
    rows = rows[: max(1, len(voices[0]) // rows[0].shape[-1])]  # the last one may be shorter
    for session in sides.values():
        _time(session, rows, 0, plan.warmup_chunks)
    times_ms = {side: np.empty((plan.rounds, plan.chunks_per_round)) for side in sides}
    order = np.random.default_rng(_SEED)
    for at in range(plan.rounds):
        for side in order.permutation(list(sides)):
            times_ms[side][at] = _time(sides[side], rows, at * plan.chunks_per_round, plan.chunks_per_round)
    return times_ms["baseline"], times_ms["variant"]


def _time(session: Session, rows: Sequence[Floats], first: int, count: int) -> NDArray[np.float64]:
    """(count,) milliseconds of successive steps; the clip starts over where it ends."""
    times_ms = np.empty(count)
    for at in range(count):
        chunk = rows[(first + at) % len(rows)]
        begin = time.perf_counter()
        session.step(chunk)
        times_ms[at] = 1000 * (time.perf_counter() - begin)
    return times_ms
