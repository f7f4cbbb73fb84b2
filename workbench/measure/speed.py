"""Baseline and variant timed against each other: one process, fixed threads, warm-up, alternating rounds.

The machine's speed drifts, so a ratio is taken within each round and its spread over the rounds is reported with it.
"""

import platform
import resource
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from workbench.model.pesto import load_upstream
from workbench.model.stream import Reduction, Stream
from workbench.runtime.child import Child
from workbench.runtime.eager import UpstreamSession
from workbench.runtime.pte import PteSession, set_threads
from workbench.runtime.session import Floats, Session, chunks
from workbench.section import Section

_SEED = 7  # of the order of the sides within each round


class Latency(Section):
    """Time of one call in milliseconds, over all timed chunks."""

    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float


class Speed(Section):
    """`speedup_p50` is the median over rounds of (baseline's median call / variant's), low and high the 10th and 90th
    percentile of that ratio. `real_time_factor` is the variant's median call by the chunk's period; a deadline is
    missed by a call that takes longer than the period. Load, first step and peak memory are of a process that does
    nothing but load the program (after importing torch, which ExecuTorch's Python binding needs) and run one chunk.
    """

    threads: int
    rounds: int
    chunks_per_round: int
    chunk_ms: float
    baseline: Latency
    variant: Latency
    speedup_p50: float
    speedup_low: float
    speedup_high: float
    real_time_factor: float
    deadline_miss_rate: float
    load_ms: float
    cold_first_step_ms: float
    peak_rss_bytes: int


@dataclass(frozen=True)
class Baseline:
    """What it takes to set up the baseline in another process."""

    checkpoint: str
    stream: Stream
    reduction: Reduction
    trust: bool

    def session(self, margins: bool = True) -> UpstreamSession:
        """Upstream's streaming model, freshly loaded."""
        return UpstreamSession(
            load_upstream(self.checkpoint, self.stream, self.reduction, self.trust), self.stream, margins
        )


@dataclass(frozen=True)
class Start:
    """A program's cold start in a process of its own."""

    load_ms: float
    cold_first_step_ms: float
    peak_rss_bytes: int


@dataclass(frozen=True)
class Plan:
    """How long and with how many threads to time."""

    threads: int
    rounds: int
    chunks_per_round: int
    warmup_chunks: int


def cold_start(program: Path, threads: int) -> Start:
    """Load a program and run one chunk of silence. For a fresh process, through `Child`: it fixes the threads."""
    set_threads(threads)
    begin = time.perf_counter()
    session = PteSession(program)
    loaded = time.perf_counter()
    session.step(np.zeros(session.stream.chunk_samples, np.float32))
    stepped = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak_bytes = peak if platform.system() == "Darwin" else peak * 1024  # Linux counts in KiB
    return Start(1000 * (loaded - begin), 1000 * (stepped - loaded), peak_bytes)


def race(baseline: Baseline, program: Path, samples: Floats, plan: Plan, start: Start) -> Speed:
    """Time both sides on the same audio (n,) in one fresh process; `start` was measured in another."""
    with Child() as child:
        baseline_ms, variant_ms = child.call(_race, baseline, program, samples, plan)
    return summarize(baseline_ms, variant_ms, baseline.stream, plan.threads, start)


def summarize(
    baseline_ms: NDArray[np.float64], variant_ms: NDArray[np.float64], stream: Stream, threads: int, start: Start
) -> Speed:
    """Both (rounds, chunks) in milliseconds, row by row from the same stretch of time."""
    ratios = np.median(baseline_ms, axis=1) / np.median(variant_ms, axis=1)
    low, middle, high = np.percentile(ratios, (10, 50, 90))
    return Speed(
        threads=threads,
        rounds=baseline_ms.shape[0],
        chunks_per_round=baseline_ms.shape[1],
        chunk_ms=stream.chunk_ms,
        baseline=_latency(baseline_ms),
        variant=_latency(variant_ms),
        speedup_p50=float(middle),
        speedup_low=float(low),
        speedup_high=float(high),
        real_time_factor=float(np.median(variant_ms)) / stream.chunk_ms,
        deadline_miss_rate=float((variant_ms > stream.chunk_ms).mean()),
        load_ms=start.load_ms,
        cold_first_step_ms=start.cold_first_step_ms,
        peak_rss_bytes=start.peak_rss_bytes,
    )


def _latency(ms: NDArray[np.float64]) -> Latency:
    p50, p95, p99 = np.percentile(ms, (50, 95, 99))
    return Latency(p50_ms=float(p50), p95_ms=float(p95), p99_ms=float(p99), max_ms=float(ms.max()))


def _race(
    baseline: Baseline, program: Path, samples: Floats, plan: Plan
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    torch.set_num_threads(plan.threads)
    set_threads(plan.threads)
    sides: dict[Literal["baseline", "variant"], Session] = {
        "baseline": baseline.session(margins=False),
        "variant": PteSession(program),
    }
    rows = chunks(samples, baseline.stream.chunk_samples)
    for session in sides.values():
        _time(session, rows, 0, plan.warmup_chunks)
    times_ms = {side: np.empty((plan.rounds, plan.chunks_per_round)) for side in sides}
    order = np.random.default_rng(_SEED)
    for at in range(plan.rounds):
        for side in order.permutation(list(sides)):
            times_ms[side][at] = _time(sides[side], rows, at * plan.chunks_per_round, plan.chunks_per_round)
    return times_ms["baseline"], times_ms["variant"]


def _time(session: Session, rows: Floats, first: int, count: int) -> NDArray[np.float64]:
    """(count,) milliseconds of successive steps; the clip starts over where it ends."""
    times_ms = np.empty(count)
    for at in range(count):
        chunk = rows[(first + at) % len(rows)]
        begin = time.perf_counter()
        session.step(chunk)
        times_ms[at] = 1000 * (time.perf_counter() - begin)
    return times_ms
