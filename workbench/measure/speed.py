"""What was timed, in figures. `race.py` does the timing: one process, fixed threads, warm-up, alternating rounds.

The machine's speed drifts, so a ratio is taken within each round and its spread over the rounds is reported with it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.measure.spread import Spread
from workbench.recipe.stream_config import StreamConfig
from workbench.record_model import RecordModel

MAX_SPREAD_RATIO = 2.0  # high over low: rounds that agree less were timed on a busy machine, and support no figure


class CallTimes(RecordModel):
    """Time of one call in milliseconds, over all timed chunks."""

    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float


class Speed(RecordModel):
    """A call is of the smallest size that the program takes, and hears all its streams.

    `speedup_p50` is the median over rounds of (baseline's median call / variant's), low and high the 10th and 90th
    percentile of that ratio. `real_time_factor` is the variant's median call by the chunk's period; a deadline is
    missed by a call that takes longer than the period. Load, first step and peak memory are of a process that does
    nothing but load the program (after importing torch, which ExecuTorch's Python binding needs) and run one chunk.
    """

    threads: int
    rounds: int
    chunks_per_round: int
    chunk_ms: float
    baseline: CallTimes
    variant: CallTimes
    speedup_p50: float
    speedup_low: float
    speedup_high: float
    real_time_factor: float
    deadline_miss_rate: float
    load_ms: float
    cold_first_step_ms: float
    peak_rss_bytes: int

    @property
    def speedup(self) -> Spread:
        """How many times faster the variant is than the baseline, over rounds."""
        return Spread(p50=self.speedup_p50, low=self.speedup_low, high=self.speedup_high)

    @property
    def is_inconclusive(self) -> bool:
        """Whether the rounds lie so far apart that they support no figure."""
        return self.speedup.ratio > MAX_SPREAD_RATIO


@dataclass(frozen=True)
class ColdStart:
    """A program's cold start in a process of its own."""

    load_ms: float
    cold_first_step_ms: float
    peak_rss_bytes: int


@dataclass(frozen=True)
class TimingPlan:
    """How long and with how many threads to time."""

    threads: int
    rounds: int
    chunks_per_round: int
    warmup_chunks: int


def summarize(
    baseline_ms: NDArray[np.float64],
    variant_ms: NDArray[np.float64],
    stream: StreamConfig,
    threads: int,
    start: ColdStart,
) -> Speed:
    """Both (rounds, chunks) in milliseconds, row by row from the same stretch of time."""
    faster = speedup(variant_ms, baseline_ms)
    return Speed(
        threads=threads,
        rounds=baseline_ms.shape[0],
        chunks_per_round=baseline_ms.shape[1],
        chunk_ms=stream.chunk_ms,
        baseline=_latency(baseline_ms),
        variant=_latency(variant_ms),
        speedup_p50=faster.p50,
        speedup_low=faster.low,
        speedup_high=faster.high,
        real_time_factor=float(np.median(variant_ms)) / stream.chunk_ms,
        deadline_miss_rate=float((variant_ms > stream.chunk_ms).mean()),
        load_ms=start.load_ms,
        cold_first_step_ms=start.cold_first_step_ms,
        peak_rss_bytes=start.peak_rss_bytes,
    )


def speedup(ms: NDArray[np.float64], than_ms: NDArray[np.float64]) -> Spread:
    """Returns how many times faster one session is than another.

    Args:
        ms: (rounds, chunks) times of the session.
        than_ms: (rounds, chunks) times of the other session, row by row from the same round.

    Returns:
        The ratio of their median calls (`than_ms` / `ms`), taken in each round.
    """
    return Spread.over_rounds(np.median(than_ms, axis=1) / np.median(ms, axis=1))


def _latency(ms: NDArray[np.float64]) -> CallTimes:
    p50, p95, p99 = np.percentile(ms, (50, 95, 99))
    return CallTimes(p50_ms=float(p50), p95_ms=float(p95), p99_ms=float(p99), max_ms=float(ms.max()))
