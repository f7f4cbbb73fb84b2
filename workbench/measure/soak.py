"""A long stream: hours of looped audio through a program and through the baseline, in the same chunks.

What a session does wrong slowly shows here: a memory that drifts, a process that grows, calls that take longer.
It is for a process of its own, which keeps it from one call to the next: a program may crash after hours.
"""

import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np

from workbench.measure.deviation import PitchDeviation, confidence_deviation, pitch_deviation
from workbench.measure.timing import BaselineSpec
from workbench.record_model import RecordModel
from workbench.runtime.executorch import fix_threads
from workbench.runtime.open_program import open_program
from workbench.runtime.session import Floats, Frames, Session, chunks

_STATUS = Path("/proc/self/statm")
_TOLD_EVERY_S = 60.0  # of audio


class SoakSegment(RecordModel):
    """One of the equal parts of a long stream. Times are of the variant's calls; `resident_bytes` is of the process,
    baseline and all, at the end of the part."""

    until_s: float  # of the audio
    frames: int
    voiced_frames: int
    nonfinite_frames: int
    baseline_nonfinite_frames: int = 0  # not counted apart in older records
    pitch: PitchDeviation
    confidence_max: float | None
    variant_p50_ms: float
    variant_p95_ms: float
    real_time_factor: float
    resident_bytes: int


@dataclass(frozen=True)
class SoakProgress:
    """How far a long stream is, and the part that it ends just here, if it does."""

    calls: int
    of: int
    until_s: float  # of the audio
    part: SoakSegment | None


def long_stream(
    baseline: Session, variant: Session, samples: Floats, hours: float, threshold: float, parts: int = 12
) -> Iterator[SoakProgress]:
    """Both sessions from a reset through the clip (n,) over and over, of whole calls, without another reset.

    Pitch is compared where the baseline's confidence reaches `threshold`; `baseline.stream` is that of both. Tells how
    far it is after each part, and every minute of audio.
    """
    stream = baseline.stream
    loop = list(chunks(samples[: max(1, len(samples) // stream.chunk_samples) * stream.chunk_samples], stream))
    calls = max(parts, round(hours * 3_600_000 / stream.chunk_ms))
    told_every = max(1, round(_TOLD_EVERY_S * 1000 / stream.chunk_ms))
    baseline.reset()
    variant.reset()
    heard = cycle(loop)
    done = 0
    for part in range(parts):
        count = calls * (part + 1) // parts - done
        both = _PairedBuffer(count, stream.frames_per_chunk)
        for at in range(count):
            both.step(at, baseline, variant, next(heard))
            done += 1
            until_s = done * stream.chunk_ms / 1000
            if at == count - 1:
                yield SoakProgress(done, calls, until_s, both.stretch(until_s, threshold, stream.chunk_ms))
            elif done % told_every == 0:
                yield SoakProgress(done, calls, until_s, None)


_going: list[Iterator[SoakProgress]] = []  # the long stream of this process


def begin_here(
    baseline: BaselineSpec, program: Path, samples: Floats, hours: float, threshold: float, threads: int
) -> None:
    """Set up a program's long stream. For a fresh process, through `Child`: it fixes the threads."""
    fix_threads(threads)
    _going[:] = [long_stream(baseline.session(), open_program(program), samples, hours, threshold)]


def go_on_here() -> SoakProgress:
    """The next stretch of the long stream that was begun here."""
    return next(_going[0])


class _PairedBuffer:
    """The frames of one part, kept in arrays made beforehand: what grows is then the sessions' doing."""

    def __init__(self, calls: int, frames: int) -> None:
        self.values = np.zeros((2, 3, calls, frames), np.float32)  # side; pitch, confidence, margin
        self.ms = np.zeros(calls)
        self.margins = True

    def step(self, at: int, baseline: Session, variant: Session, chunk: Floats) -> None:
        expected = baseline.step(chunk)
        begin = time.perf_counter()
        got = variant.step(chunk)
        self.ms[at] = 1000 * (time.perf_counter() - begin)
        for side, frames in enumerate((expected, got)):
            self.values[side, 0, at], self.values[side, 1, at] = frames.pitch_semitones, frames.confidence
        self.margins &= expected.margin is not None
        if expected.margin is not None:
            self.values[0, 2, at] = expected.margin

    def stretch(self, until_s: float, threshold: float, chunk_ms: float) -> SoakSegment:
        (pitch, confidence, margin), (other_pitch, other_confidence, _) = self.values.reshape(2, 3, -1)
        baseline = Frames(pitch, confidence, confidence, margin if self.margins else None)
        variant = Frames(other_pitch, other_confidence, other_confidence)
        voiced = confidence >= threshold
        broken = (~np.isfinite(self.values).all(1)).reshape(2, -1).sum(1)
        moved = confidence_deviation(baseline, variant)
        p50_ms, p95_ms = (float(ms) for ms in np.percentile(self.ms, (50, 95)))
        return SoakSegment(
            until_s=until_s,
            frames=len(baseline),
            voiced_frames=int(voiced.sum()),
            nonfinite_frames=int(broken[1]),
            baseline_nonfinite_frames=int(broken[0]),
            pitch=pitch_deviation(baseline, variant, voiced),
            confidence_max=moved.max,
            variant_p50_ms=p50_ms,
            variant_p95_ms=p95_ms,
            real_time_factor=p50_ms / chunk_ms,
            resident_bytes=_resident_bytes(),
            null_reasons={} if moved.max is not None else {"confidence_max": moved.null_reasons["max"]},
        )


def _resident_bytes() -> int:
    """Of this process now; on systems that do not tell, the most so far."""
    try:
        return int(_STATUS.read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
