"""The figures of timed calls. `timing.py` takes the times: one process, fixed threads, warm-up, alternating rounds.

The speed of a machine drifts, so a ratio is taken within each round and reported with its spread over the rounds.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from workbench.errors import WorkbenchError
from workbench.measure.native_speed import NativeSide, NativeSpeed, NativeTimes, summarize_native
from workbench.measure.spread import Spread
from workbench.recipe.stream_config import StreamConfig
from workbench.record_model import RecordModel

Milliseconds = NDArray[np.float64]

UNTIMED_CALLS_PER_TURN = 8
"""The first call of a turn takes about twice as long as a later one, on every side; from the ninth on, the times are
steady (median over 60 turns of eager, int8-mixed in Python and in the native host). Of calls of 4 to 32 frames, only
the first one or two take longer (median over 15 turns of eager and `dynamic` in Python)."""
MAX_SPREAD_RATIO = 2.0  # high / low over rounds; a larger ratio means a busy machine, so the timing is inconclusive


class CallTimes(RecordModel):
    """The time of one call over all timed calls of all rounds.

    Attributes:
        p50_ms: The median.
        p95_ms: The 95th percentile.
        p99_ms: The 99th percentile.
        max_ms: The longest call.
    """

    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float

    @classmethod
    def over_calls(cls, ms: Milliseconds) -> Self:
        """Summarizes times of calls, of any shape."""
        p50, p95, p99 = np.percentile(ms, (50, 95, 99))
        return cls(p50_ms=float(p50), p95_ms=float(p95), p99_ms=float(p99), max_ms=float(ms.max()))


class Speed(RecordModel):
    """How fast the variant is, by itself and beside the baseline. All times are wall-clock times.

    A call has the smallest size that the program accepts, and receives all of its streams. Each turn starts with 8
    untimed calls on every side, so that caches and the clock of the core are warm. The cold start is that of a
    process which does nothing but load the program and run it. It has imported torch before, which ExecuTorch's Python
    binding needs.

    Attributes:
        threads: Threads of both sides.
        rounds: Rounds in which each side had its turn.
        chunks_per_round: Calls of each side in a round.
        chunk_ms: Duration of the audio of one call.
        baseline: Times of the baseline's calls.
        variant: Times of the variant's calls.
        speedup_p50: Median over rounds of (the baseline's median call / the variant's median call).
        speedup_low: 10th percentile of that ratio over rounds.
        speedup_high: 90th percentile of that ratio over rounds.
        real_time_factor: The variant's median call / `chunk_ms`; below 1 it keeps up with the audio.
        deadline_miss_rate: Share of the variant's calls that took longer than `chunk_ms`.
        load_ms: Time to load the program.
        cold_first_step_ms: Time of the first call after loading.
        peak_rss_bytes: Largest resident memory of that process, after a call of every size.
        native: The program in a process in C++; null if it was not timed there.
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
    native: NativeSpeed | None = None

    @property
    def speedup(self) -> Spread:
        """How many times faster the variant is than the baseline, over rounds."""
        return Spread(p50=self.speedup_p50, low=self.speedup_low, high=self.speedup_high)

    @property
    def widest_speedup(self) -> Spread:
        """The speedup that differs most over the rounds: that of the session, or that of the native host."""
        return max((self.speedup, *([self.native.speedup] if self.native else [])), key=lambda speedup: speedup.ratio)

    @property
    def is_inconclusive(self) -> bool:
        """Whether the rounds differ too much to support any figure."""
        return self.widest_speedup.ratio > MAX_SPREAD_RATIO


@dataclass(frozen=True)
class ColdStart:
    """The start of a program in a fresh process: loading, the first call, and the process's peak memory."""

    load_ms: float
    cold_first_step_ms: float
    peak_rss_bytes: int


@dataclass(frozen=True)
class TimingPlan:
    """How long to time, and with how many threads. The warm-up calls of each side come first and are not counted.

    Each turn starts with untimed calls on every side, so that caches and the clock of the core are warm.
    """

    threads: int
    rounds: int
    chunks_per_round: int
    warmup_chunks: int
    untimed_per_turn: int = UNTIMED_CALLS_PER_TURN


@dataclass(frozen=True)
class PairTimes:
    """The times of the sides, (rounds, calls) each; a row of all is from the same round."""

    baseline_ms: Milliseconds
    variant_ms: Milliseconds
    native: NativeTimes | None = None

    @property
    def speedup(self) -> Spread:
        """How many times faster the variant is than the baseline."""
        return speedup(self.variant_ms, self.baseline_ms)


def summarize(
    times: PairTimes, stream: StreamConfig, threads: int, start: ColdStart, native: NativeSide | WorkbenchError
) -> Speed:
    """Returns the speed of a variant from the times of the sides and the cold starts.

    `native` is the native side, or why there is none.
    """
    variant_ms, faster = times.variant_ms, times.speedup
    rounds, chunks_per_round = variant_ms.shape
    return Speed(
        threads=threads,
        rounds=rounds,
        chunks_per_round=chunks_per_round,
        chunk_ms=stream.chunk_ms,
        baseline=CallTimes.over_calls(times.baseline_ms),
        variant=CallTimes.over_calls(variant_ms),
        speedup_p50=faster.p50,
        speedup_low=faster.low,
        speedup_high=faster.high,
        real_time_factor=float(np.median(variant_ms)) / stream.chunk_ms,
        deadline_miss_rate=float((variant_ms > stream.chunk_ms).mean()),
        load_ms=start.load_ms,
        cold_first_step_ms=start.cold_first_step_ms,
        peak_rss_bytes=start.peak_rss_bytes,
        **_native_section(times, stream, native),
    )


def _native_section(times: PairTimes, stream: StreamConfig, native: NativeSide | WorkbenchError) -> dict[str, Any]:
    if isinstance(native, WorkbenchError):
        return {"native": None, "null_reasons": {"native": str(native)}}
    assert times.native is not None
    return {"native": summarize_native(times.native, times.baseline_ms, stream, native.start)}


def speedup(ms: Milliseconds, reference_ms: Milliseconds) -> Spread:
    """Returns how many times faster one session is than another.

    Args:
        ms: (rounds, calls) times of the session.
        reference_ms: (rounds, calls) times of the other session; a row of both is from the same round.

    Returns:
        The ratio of their median calls (`reference_ms` / `ms`), taken in each round.
    """
    return Spread.over_rounds(np.median(reference_ms, axis=1) / np.median(ms, axis=1))
