"""The speed of a program in the native host: what an app pays for a call, without Python."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.measure.spread import Spread
from workbench.recipe.stream_config import StreamConfig
from workbench.record_model import RecordModel
from workbench.runtime.native.session import NativeSession
from workbench.runtime.session import Floats


class NativeSpeed(RecordModel):
    """How fast the program is in a process in C++, compared with the baseline in eager PyTorch. Only the call is timed.

    The calls are those of `speed`, in the same rounds and with the same number of threads, and each turn starts with 8
    untimed calls too. Loading, the first call and the memory are those of a fresh process.

    Attributes:
        p50_us: The median call.
        p95_us: The 95th percentile.
        p99_us: The 99th percentile.
        max_us: The longest call.
        speedup_p50: Median over rounds of (the baseline's median call / the native median call).
        speedup_low: 10th percentile of that ratio over rounds.
        speedup_high: 90th percentile of that ratio over rounds.
        deadline_miss_rate: Share of the calls that took longer than the audio of a call lasts.
        load_ms: Time to read the file and to load its methods.
        first_call_us: Time of the first call after loading.
        peak_rss_bytes: Largest resident memory of the process, after a call of every size; null if the system does not
            report it.
        allocations_per_call: Mean number of allocations (malloc and its variants) per call after the warm-up; null if
            they cannot be counted here.
    """

    p50_us: float
    p95_us: float
    p99_us: float
    max_us: float
    speedup_p50: float
    speedup_low: float
    speedup_high: float
    deadline_miss_rate: float
    load_ms: float
    first_call_us: float
    peak_rss_bytes: int | None
    allocations_per_call: float | None

    @property
    def speedup(self) -> Spread:
        """How many times faster the program is than the baseline, over rounds."""
        return Spread(p50=self.speedup_p50, low=self.speedup_low, high=self.speedup_high)


@dataclass(frozen=True)
class NativeTimes:
    """The times of the native side, (rounds, calls) milliseconds, and the mean number of allocations per call."""

    ms: NDArray[np.float64]
    allocations_per_call: float | None


@dataclass(frozen=True)
class NativeStart:
    """The start of a program in a fresh host."""

    load_ms: float
    first_call_us: float
    peak_rss_bytes: int | None


@dataclass(frozen=True)
class NativeSide:
    """The native side of a timing: the host, and the program's start in it."""

    host: Path
    start: NativeStart


class NativeTurns:
    """A session in the native host that is timed in turns with others. Counts the allocations of its turns."""

    def __init__(self, session: NativeSession, calls: Sequence[Floats]) -> None:
        session.load_calls(calls)
        self._session = session
        self._calls, self._allocations = 0, 0
        self._can_count = True

    @property
    def allocations_per_call(self) -> float | None:
        """Mean number of allocations per call of its turns; None if they cannot be counted here."""
        return self._allocations / self._calls if self._can_count else None

    def warm_up(self, first: int, count: int) -> None:
        """Runs calls whose allocations do not count: the first calls of a program allocate."""
        self._session.time(first, count)

    def time(self, first: int, count: int) -> NDArray[np.float64]:
        """Returns (count,) milliseconds of successive calls, from the call `first` on."""
        times_us = self._session.time(first, count)
        allocations, _ = self._session.counters()
        self._can_count = allocations is not None
        self._allocations += allocations or 0
        self._calls += count
        return times_us / 1000


def measure_native_start(host: Path, program: Path, threads: int) -> NativeSide:
    """Loads a program in a fresh host and runs a call of silence, then one of every size. Raises ProgramError."""
    with NativeSession(host, program, threads) as session:
        stream = session.stream
        session.load_calls([np.zeros((stream.streams, stream.chunk_samples), np.float32)])
        (first_call_us,) = session.time(0, 1)
        for frames in stream.sizes:
            session.step(np.zeros((stream.streams, frames * stream.hop_samples), np.float32))
        _, peak_rss_bytes = session.counters()
        return NativeSide(host, NativeStart(session.load_ms, float(first_call_us), peak_rss_bytes))


def summarize_native(
    times: NativeTimes, baseline_ms: NDArray[np.float64], stream: StreamConfig, start: NativeStart
) -> NativeSpeed:
    """Returns the figures of the native side; `baseline_ms` are the times of the baseline in the same rounds."""
    p50, p95, p99 = np.percentile(times.ms, (50, 95, 99))
    speedup = Spread.over_rounds(np.median(baseline_ms, axis=1) / np.median(times.ms, axis=1))
    reasons = {}
    if start.peak_rss_bytes is None:
        reasons["peak_rss_bytes"] = "the host reads it from /proc, which this system does not have"
    if times.allocations_per_call is None:
        reasons["allocations_per_call"] = "the host counts them only with the C library glibc"
    return NativeSpeed(
        p50_us=1000 * float(p50),
        p95_us=1000 * float(p95),
        p99_us=1000 * float(p99),
        max_us=1000 * float(times.ms.max()),
        speedup_p50=speedup.p50,
        speedup_low=speedup.low,
        speedup_high=speedup.high,
        deadline_miss_rate=float((times.ms > stream.chunk_ms).mean()),
        load_ms=start.load_ms,
        first_call_us=start.first_call_us,
        peak_rss_bytes=start.peak_rss_bytes,
        allocations_per_call=times.allocations_per_call,
        null_reasons=reasons,
    )
