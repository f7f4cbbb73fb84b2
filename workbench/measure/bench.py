"""Any number of contenders side by side: what one process times, and what its times amount to."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from workbench.measure.contender import Contender
from workbench.measure.deviation import PitchDeviation, pitch_deviation
from workbench.measure.load_test import response_times
from workbench.measure.speed import MAX_SPREAD_RATIO, ColdStart, TimingPlan, speedup
from workbench.measure.spread import Spread
from workbench.measure.timing import ORDER_SEED, as_calls, cold_start, peak_rss_bytes, time_alternating
from workbench.record_model import RecordModel
from workbench.runtime.executorch import fix_threads
from workbench.runtime.session import Floats, Frames, Session, run_clips

WRONG_FROM_CENTS = 50  # at p95; what mir_eval's raw pitch accuracy counts as a wrong pitch
LEAST_VOICED_FRAMES = 100  # fewer do not show that a contender is right
Milliseconds = NDArray[np.float64]
Outcome = Literal["faster", "slower", "inconclusive"]


class Percentiles(RecordModel):
    """Time of one call in milliseconds, over all timed calls."""

    p50_ms: float
    p90_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float


class SpeedRatio(Spread):
    """How many times faster one contender is than another: the ratio of their median calls, taken in each round.

    `outcome` is inconclusive if 1 lies between `low` and `high`, or if `high` is more than `MAX_SPREAD_RATIO` times
    `low`.
    """

    outcome: Outcome


class UnderLoad(RecordModel):
    """Calls at the chunk's period while another process works: response times from when each was due, and how many took
    longer than the period."""

    calls: int
    missed: int
    miss_rate: float
    p50_ms: float
    p99_ms: float
    max_ms: float


class ContenderFigures(RecordModel):
    """One contender with one number of threads.

    `pitch` is its deviation from eager on `voiced_frames` of `frames`, null for eager itself. `claim` is what the
    ratio to eager supports; `wrong` where the pitch is not eager's, however fast. `real_time_factor` is the median call
    by the chunk's period. `load_ms`, `first_step_ms` and `peak_rss_bytes` are of a fresh process that has imported
    torch, ExecuTorch and upstream, and, for ONNX, its runtime; `load_rss_bytes` is what its peak grew by from there.
    `round_p50_ms` has the median call of each round, `percentiles_ms` the 0th to 100th percentile of all calls.
    """

    name: str
    what: str
    file: str
    sha256: str = ""  # of the file; "" in records from before it was kept
    bytes: int
    frames: int
    voiced_frames: int
    pitch: PitchDeviation | None
    claim: Literal["baseline", "faster", "slower", "inconclusive", "wrong"]
    why: str  # of a claim that is wrong or inconclusive
    latency: Percentiles
    ratios: dict[str, SpeedRatio]  # to every other contender
    real_time_factor: float
    under_load: UnderLoad
    load_ms: float
    first_step_ms: float
    peak_rss_bytes: int
    load_rss_bytes: int
    round_p50_ms: tuple[float, ...]
    percentiles_ms: tuple[float, ...]


@dataclass(frozen=True)
class ColdRun:
    """A contender by itself in a fresh process: its cold start, and its frames from a reset."""

    start: ColdStart
    imported_rss_bytes: int
    frames: Frames


@dataclass(frozen=True)
class Times:
    """Of one contender: (rounds, chunks) milliseconds of calls in turns, and (calls,) of responses under load."""

    in_turns_ms: Milliseconds
    under_load_ms: Milliseconds


def trial(contender: Contender, samples: Floats, threads: int) -> ColdRun:
    """For a fresh process, through `Child`. Audio (n,); of several streams all hear it, and the first answers."""
    contender.import_runtime()
    imported = peak_rss_bytes()
    start = cold_start(contender.session, threads)
    return ColdRun(start, imported, run_clips(contender.session(), [samples])[0])


def times_here(contenders: tuple[Contender, ...], samples: Floats, plan: TimingPlan) -> dict[str, Milliseconds]:
    """(rounds, chunks) milliseconds of each by name. For a fresh process, through `Child`."""
    return time_alternating(_opened(contenders, plan.threads), _calls(contenders, samples), plan)


def responses_here(
    contenders: tuple[Contender, ...], samples: Floats, threads: int, count: int
) -> dict[str, Milliseconds]:
    """(count,) milliseconds of each by name, one stretch after the other in shuffled order, at the chunk's period. In
    the process of `times_here`, whose sessions go on."""
    sessions, calls = _opened(contenders, threads), _calls(contenders, samples)
    period_ms = contenders[0].baseline.stream.chunk_ms
    order = np.random.default_rng(ORDER_SEED).permutation(list(sessions))
    return {str(name): response_times(sessions[name], calls, count, period_ms) for name in order}


@functools.cache
def _opened(contenders: tuple[Contender, ...], threads: int) -> dict[str, Session]:
    fix_threads(threads)
    return {contender.name: contender.session() for contender in contenders}


def _calls(contenders: Sequence[Contender], samples: Floats) -> list[Floats]:
    stream = contenders[0].baseline.stream
    return as_calls(samples, stream, stream.frames_per_chunk)


def figures(
    contenders: Sequence[Contender], trials: Mapping[str, ColdRun], times: Mapping[str, Times], threshold: float
) -> tuple[ContenderFigures, ...]:
    """Of every contender, the first of which is eager; trials and times by their names. `threshold` is the voicing
    confidence of eager's frames."""
    return tuple(_figures(contender, contenders[0], trials, times, threshold) for contender in contenders)


def _figures(
    contender: Contender, eager: Contender, trials: Mapping[str, ColdRun], times: Mapping[str, Times], threshold: float
) -> ContenderFigures:
    name, period_ms = contender.name, eager.baseline.stream.chunk_ms
    mine, own, expected = times[name], trials[name], trials[eager.name].frames
    voiced = expected.confidence >= threshold
    is_eager = name == eager.name
    pitch = None if is_eager else pitch_deviation(expected, own.frames, voiced)
    ratios = {
        other: speed_ratio(mine.in_turns_ms, theirs.in_turns_ms) for other, theirs in times.items() if other != name
    }
    claimed, why = speed_claim(None if is_eager else ratios[eager.name], pitch, int(voiced.sum()))
    p50, p90, p95, p99 = (float(ms) for ms in np.percentile(mine.in_turns_ms, (50, 90, 95, 99)))
    return ContenderFigures(
        name=name,
        what=contender.what,
        file=str(contender.file),
        sha256=contender.sha256,
        bytes=contender.file.stat().st_size,
        frames=len(expected),
        voiced_frames=int(voiced.sum()),
        pitch=pitch,
        claim=claimed,
        why=why,
        latency=Percentiles(p50_ms=p50, p90_ms=p90, p95_ms=p95, p99_ms=p99, max_ms=float(mine.in_turns_ms.max())),
        ratios=ratios,
        real_time_factor=p50 / period_ms,
        under_load=under_load(mine.under_load_ms, period_ms),
        load_ms=own.start.load_ms,
        first_step_ms=own.start.cold_first_step_ms,
        peak_rss_bytes=own.start.peak_rss_bytes,
        load_rss_bytes=own.start.peak_rss_bytes - own.imported_rss_bytes,
        round_p50_ms=tuple(np.median(mine.in_turns_ms, axis=1).tolist()),
        percentiles_ms=tuple(np.percentile(mine.in_turns_ms, np.arange(101)).tolist()),
        null_reasons={"pitch": "eager is what the others are held against"} if is_eager else {},
    )


def speed_ratio(ms: Milliseconds, than_ms: Milliseconds) -> SpeedRatio:
    """Compares two contenders by their (rounds, chunks) times, row by row from the same round."""
    faster = speedup(ms, than_ms)
    outcome: Outcome = "inconclusive"
    if faster.ratio <= MAX_SPREAD_RATIO:
        if faster.low > 1:
            outcome = "faster"
        elif faster.high < 1:
            outcome = "slower"
    return SpeedRatio(p50=faster.p50, low=faster.low, high=faster.high, outcome=outcome)


def speed_claim(
    to_eager: SpeedRatio | None, pitch: PitchDeviation | None, voiced_frames: int
) -> tuple[Literal["baseline", "faster", "slower", "inconclusive", "wrong"], str]:
    """What can be said of a contender's speed, and why not more. Without a ratio it is eager."""
    if to_eager is None or pitch is None:
        return "baseline", ""
    if pitch.p95_cents is None:
        return ("wrong" if voiced_frames else "inconclusive"), pitch.null_reasons["p95_cents"]
    if pitch.p95_cents > WRONG_FROM_CENTS:
        return "wrong", f"its pitch is {pitch.p95_cents:.0f} cents from eager's at p95; its times mean nothing"
    if voiced_frames < LEAST_VOICED_FRAMES:
        return "inconclusive", f"only {voiced_frames} voiced frames, wants {LEAST_VOICED_FRAMES} to show it is right"
    if to_eager.outcome == "inconclusive":
        return "inconclusive", f"over rounds it is {to_eager.low:.2f} to {to_eager.high:.2f} times as fast as eager"
    return to_eager.outcome, ""


def under_load(response_ms: Milliseconds, period_ms: float) -> UnderLoad:
    """(calls,) milliseconds from when each was due."""
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
