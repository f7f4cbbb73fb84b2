"""A long stream: hours of looped audio through a program and through the baseline, in the same chunks.

What a session does wrong slowly shows here: a memory that drifts, a process that grows, calls that take longer.
"""

import resource
import time
from dataclasses import dataclass
from itertools import cycle, islice

import numpy as np

from workbench.measure.deviation import PitchDeviation, confidence_deviation, pitch_deviation
from workbench.runtime.session import Floats, Frames, Session, chunks, join
from workbench.section import Section


class Stretch(Section):
    """One of the equal parts of a long stream. `resident_bytes` is of the process at its end; times are the median."""

    pitch: PitchDeviation
    confidence_max: float | None
    variant_p50_ms: float
    real_time_factor: float
    resident_bytes: int


@dataclass(frozen=True)
class _Step:
    baseline: Frames
    variant: Frames
    variant_ms: float


def long_stream(
    baseline: Session, variant: Session, samples: Floats, hours: float, threshold: float, parts: int = 4
) -> tuple[Stretch, ...]:
    """Both sessions from a reset through the clip (n,) over and over, of whole calls, without another reset.

    Pitch is compared where the baseline's confidence reaches `threshold`; `baseline.stream` is that of both.
    """
    stream = baseline.stream
    loop = list(chunks(samples[: max(1, len(samples) // stream.chunk_samples) * stream.chunk_samples], stream))
    calls = max(parts, round(hours * 3_600_000 / stream.chunk_ms))
    baseline.reset()
    variant.reset()
    heard = cycle(loop)
    stretches = []
    for part in range(parts):
        count = calls * (part + 1) // parts - calls * part // parts
        steps = [_step(baseline, variant, chunk) for chunk in islice(heard, count)]
        stretches.append(_stretch(steps, threshold, stream.chunk_ms))
    return tuple(stretches)


def _step(baseline: Session, variant: Session, chunk: Floats) -> _Step:
    expected = baseline.step(chunk)
    begin = time.perf_counter()
    got = variant.step(chunk)
    return _Step(expected, got, 1000 * (time.perf_counter() - begin))


def _stretch(steps: list[_Step], threshold: float, chunk_ms: float) -> Stretch:
    baseline, variant = join([step.baseline for step in steps]), join([step.variant for step in steps])
    confidence = confidence_deviation(baseline, variant)
    p50_ms = float(np.median([step.variant_ms for step in steps]))
    return Stretch(
        pitch=pitch_deviation(baseline, variant, baseline.confidence >= threshold),
        confidence_max=confidence.max,
        variant_p50_ms=p50_ms,
        real_time_factor=p50_ms / chunk_ms,
        resident_bytes=_resident_bytes(),
        null_reasons={} if confidence.max is not None else {"confidence_max": confidence.null_reasons["max"]},
    )


def _resident_bytes() -> int:
    """Of this process now; on systems that do not tell, the most so far."""
    try:
        with open("/proc/self/statm") as status:  # noqa: PTH123
            return int(status.read().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
