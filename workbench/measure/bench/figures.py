"""The figures of a bench: of each contender its times, its speedups, its pitch and its memory."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.errors import WorkbenchError
from workbench.measure.bench.claim import Claim, SpeedRatio, speed_claim, speed_ratio
from workbench.measure.bench.worker import ColdRun, Contender
from workbench.measure.deviation import PitchDeviation, pitch_deviation
from workbench.measure.native_speed import NativeSpeed, NativeStart, NativeTimes, summarize_native
from workbench.measure.speed import Milliseconds
from workbench.measure.tones.delay import StepDelay
from workbench.measure.tones.steadiness import SideSteadiness, side_figures
from workbench.record_model import RecordModel


class Percentiles(RecordModel):
    """The time of one call, over all timed calls of all rounds.

    Attributes:
        p50_ms: The median.
        p90_ms: The 90th percentile.
        p95_ms: The 95th percentile.
        p99_ms: The 99th percentile.
        max_ms: The longest call.
    """

    p50_ms: float
    p90_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float


class UnderLoad(RecordModel):
    """Calls at the pace of the audio while another process keeps a core busy.

    Times are response times: from when a call was due to when it was finished.

    Attributes:
        calls: The number of calls.
        missed: Calls that took longer than the period of the audio.
        miss_rate: Their share of `calls`.
        p50_ms: The median.
        p99_ms: The 99th percentile.
        max_ms: The longest response.
    """

    calls: int
    missed: int
    miss_rate: float
    p50_ms: float
    p99_ms: float
    max_ms: float


class ContenderFigures(RecordModel):
    """One contender with one number of threads.

    Attributes:
        name: The name in the bench.
        what: A short description for the table.
        file: The only file that it loads: a program, or upstream's checkpoint for eager.
        sha256: The hash of the file; "" in a record that does not state it.
        bytes: The size of the file.
        frames: Frames of its cold run.
        voiced_frames: Those of them in which eager's confidence reaches the threshold.
        pitch: The deviation from eager on the voiced frames. Null for eager itself.
        delay: Its measured delay.
        steadiness: Its errors on steady tones and slow glides.
        claim: The outcome of the ratio to eager, or "wrong" if the pitch deviates too much from eager's.
        why: The reason for a claim that is wrong or inconclusive, otherwise "".
        latency: The time of a call.
        ratios: How many times faster it is than each other contender, by name.
        real_time_factor: The median call / the duration of its audio.
        under_load: Calls at the pace of the audio beside a busy process.
        load_ms: Time to load the file, in a fresh process that has imported torch, ExecuTorch, upstream and, for ONNX,
            ONNX Runtime.
        first_step_ms: Time of the first call in that process.
        peak_rss_bytes: Largest resident memory of that process.
        load_rss_bytes: Its growth above the peak after the imports.
        round_p50_ms: The median call of each round.
        percentiles_ms: The 0th to the 100th percentile of all calls.
        native: The same program in a process in C++, in the same rounds; null if it was not timed there.
        native_percentiles_us: The 0th to the 100th percentile of its calls there; empty if it was not.
    """

    name: str
    what: str
    file: str
    sha256: str = ""
    bytes: int
    frames: int
    voiced_frames: int
    pitch: PitchDeviation | None
    delay: StepDelay | None = None
    steadiness: SideSteadiness | None = None
    claim: Claim
    why: str
    latency: Percentiles
    ratios: dict[str, SpeedRatio]
    real_time_factor: float
    under_load: UnderLoad
    load_ms: float
    first_step_ms: float
    peak_rss_bytes: int
    load_rss_bytes: int
    round_p50_ms: tuple[float, ...]
    percentiles_ms: tuple[float, ...]
    native: NativeSpeed | None = None
    native_percentiles_us: tuple[float, ...] = ()


@dataclass(frozen=True)
class NativeRun:
    """The measurements of one contender in the native host: its start, and its turns in the rounds of all."""

    start: NativeStart
    times: NativeTimes


@dataclass(frozen=True)
class ContenderRun:
    """The measurements of one contender: (rounds, calls) ms in turns, and (calls,) ms of responses under load.

    `native` are those in the native host, or why there are none.
    """

    contender: Contender
    cold_run: ColdRun
    alternating_ms: Milliseconds
    response_ms: Milliseconds
    native: NativeRun | WorkbenchError


def figures(runs: Sequence[ContenderRun], threshold: float) -> tuple[ContenderFigures, ...]:
    """Returns the figures of every contender.

    Args:
        runs: The measurements; the first are those of eager.
        threshold: The confidence of eager's frames from which they count as voiced.
    """
    return tuple(_contender_figures(run, runs, threshold) for run in runs)


def _contender_figures(run: ContenderRun, runs: Sequence[ContenderRun], threshold: float) -> ContenderFigures:
    eager, contender, cold = runs[0], run.contender, run.cold_run
    period_ms = contender.baseline.stream.chunk_ms
    expected = eager.cold_run.frames
    voiced = expected.confidence >= threshold
    is_eager = run is eager
    pitch = None if is_eager else pitch_deviation(expected, cold.frames, voiced)
    ratios = {
        other.contender.name: speed_ratio(run.alternating_ms, other.alternating_ms)
        for other in runs
        if other is not run
    }
    over_eager = None if is_eager else ratios[eager.contender.name]
    claim = speed_claim(over_eager, pitch, int(voiced.sum()))
    p50, p90, p95, p99 = (float(ms) for ms in np.percentile(run.alternating_ms, (50, 90, 95, 99)))
    max_ms = float(run.alternating_ms.max())
    nulls = {"pitch": "eager is the reference of the pitch"} if is_eager else {}
    delay, steadiness = None, None
    if cold.rendered:
        delay, steadiness = side_figures(cold.rendered, contender.baseline.stream)
    else:
        nulls |= dict.fromkeys(("delay", "steadiness"), "the rendered sounds were not run")
    native: NativeSpeed | None = None
    native_percentiles_us: tuple[float, ...] = ()
    if isinstance(run.native, NativeRun):
        times = run.native.times
        native = summarize_native(times, eager.alternating_ms, contender.baseline.stream, run.native.start)
        native_percentiles_us = _percentiles(1000 * times.ms)
    else:
        nulls["native"] = str(run.native)
    return ContenderFigures(
        name=contender.name,
        what=contender.what,
        file=str(contender.file),
        sha256=contender.sha256,
        bytes=contender.file.stat().st_size,
        frames=len(expected),
        voiced_frames=int(voiced.sum()),
        pitch=pitch,
        delay=delay,
        steadiness=steadiness,
        claim=claim.claim,
        why=claim.reason,
        latency=Percentiles(p50_ms=p50, p90_ms=p90, p95_ms=p95, p99_ms=p99, max_ms=max_ms),
        ratios=ratios,
        real_time_factor=p50 / period_ms,
        under_load=under_load(run.response_ms, period_ms),
        load_ms=cold.start.load_ms,
        first_step_ms=cold.start.cold_first_step_ms,
        peak_rss_bytes=cold.start.peak_rss_bytes,
        load_rss_bytes=cold.start.peak_rss_bytes - cold.imported_rss_bytes,
        round_p50_ms=tuple(np.median(run.alternating_ms, axis=1).tolist()),
        percentiles_ms=_percentiles(run.alternating_ms),
        native=native,
        native_percentiles_us=native_percentiles_us,
        null_reasons=nulls,
    )


def _percentiles(times: Milliseconds) -> tuple[float, ...]:
    """Returns the 0th to the 100th percentile of times of any shape and unit."""
    return tuple(np.percentile(times, np.arange(101)).tolist())


def under_load(response_ms: Milliseconds, period_ms: float) -> UnderLoad:
    """Returns the figures of (calls,) response times, each from when the call was due."""
    p50, p99 = (float(ms) for ms in np.percentile(response_ms, (50, 99)))
    missed = int((response_ms > period_ms).sum())
    return UnderLoad(
        calls=len(response_ms),
        missed=missed,
        miss_rate=missed / len(response_ms),
        p50_ms=p50,
        p99_ms=p99,
        max_ms=float(response_ms.max()),
    )
