"""A long stream: hours of looped audio through a program and through the baseline, in the same chunks.

It shows slow faults: a state that drifts, a process that grows, calls that take longer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Protocol

import numpy as np

from workbench.measure.deviation import PitchDeviation, confidence_deviation, pitch_deviation
from workbench.measure.timing import BaselineSpec
from workbench.record_model import RecordModel
from workbench.runtime.executorch import set_num_threads
from workbench.runtime.native.session import NativeSession
from workbench.runtime.open_program import open_program
from workbench.runtime.process_info import resident_bytes
from workbench.runtime.session import Floats, Frames, Session, chunks, timed_step

_REPORT_EVERY_S = 60.0  # of audio


class SoakSegment(RecordModel):
    """One of the equal segments of a long stream.

    Attributes:
        until_s: The end of the segment, in seconds of audio since the start of the stream.
        frames: Frames of the segment.
        voiced_frames: Those of them in which the baseline's confidence reaches the threshold.
        nonfinite_frames: Frames in which the variant's pitch or confidence is not finite.
        baseline_nonfinite_frames: Frames in which the baseline's pitch, confidence or margin is not finite.
        pitch: The deviation of the pitch on the voiced frames.
        confidence_max: The largest deviation of the confidence over all frames. Null if one is not finite.
        variant_p50_ms: The median time of the variant's calls.
        variant_p95_ms: The 95th percentile of the time of the variant's calls.
        variant_p99_ms: The 99th percentile of the time of the variant's calls; null in an earlier record.
        real_time_factor: `variant_p50_ms` / the duration of the audio of one call.
        resident_bytes: The resident memory of the process at the end of the segment. It includes the baseline, except
            that of the native host.
    """

    until_s: float
    frames: int
    voiced_frames: int
    nonfinite_frames: int
    baseline_nonfinite_frames: int
    pitch: PitchDeviation
    confidence_max: float | None
    variant_p50_ms: float
    variant_p95_ms: float
    variant_p99_ms: float | None = None
    real_time_factor: float
    resident_bytes: int


@dataclass(frozen=True)
class SoakProgress:
    """The progress of a long stream: calls done, all calls, seconds of audio, and the segment that ends here."""

    calls_done: int
    calls: int
    until_s: float
    segment: SoakSegment | None


class SoakedProgram(Protocol):
    """The program of a long stream, with the time of its calls and the memory of its process."""

    def reset(self) -> None:
        """Starts a new stream."""
        ...

    def step(self, chunk: Floats) -> tuple[Frames, float]:
        """Returns the frames of a chunk, and the milliseconds of the call."""
        ...

    def resident_bytes(self) -> int:
        """Returns the resident memory of the process now."""
        ...


class PythonProgram:
    """A session in this process."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def reset(self) -> None:
        self._session.reset()

    def step(self, chunk: Floats) -> tuple[Frames, float]:
        return timed_step(self._session, chunk)

    def resident_bytes(self) -> int:
        return resident_bytes()


class NativeProgram:
    """A program in the native host. The clock is in the host."""

    def __init__(self, host: Path, program: Path, threads: int) -> None:
        self._session = NativeSession(host, program, threads)

    def reset(self) -> None:
        self._session.reset()

    def step(self, chunk: Floats) -> tuple[Frames, float]:
        frames = self._session.step(chunk)
        return frames, self._session.last_call_us / 1000

    def resident_bytes(self) -> int:
        return resident_bytes(self._session.pid)


class SoakWorker:
    """The long stream of a program beside the baseline, in a child process: a program may crash it after hours."""

    def __init__(
        self,
        baseline: BaselineSpec,
        program: Path,
        samples: Floats,
        hours: float,
        threshold: float,
        threads: int,
        host: Path | None = None,
    ) -> None:
        """Opens both sides and fixes the threads of the process. The arguments are those of `long_stream`.

        The program runs in the native host `host`, or in this process.
        """
        set_num_threads(threads)
        variant = PythonProgram(open_program(program)) if host is None else NativeProgram(host, program, threads)
        self._stream = long_stream(baseline.session(), variant, samples, hours, threshold)

    def advance(self) -> SoakProgress:
        """Streams until the next report is due, and returns it."""
        return next(self._stream)


def long_stream(
    baseline: Session, variant: SoakedProgram, samples: Floats, hours: float, threshold: float, segments: int = 12
) -> Iterator[SoakProgress]:
    """Resets both sessions once, then runs them through a clip over and over.

    Args:
        baseline: The baseline. Its stream is that of both.
        variant: The program that is compared with it.
        samples: (n,) float32. It is cut to whole calls.
        hours: Hours of audio.
        threshold: The baseline's confidence from which a frame counts as voiced.
        segments: How many equal segments the stream has.

    Yields:
        The progress at the end of each segment, and after each minute of audio.
    """
    stream = baseline.stream
    whole_calls = max(1, len(samples) // stream.chunk_samples)
    audio = cycle(list(chunks(samples[: whole_calls * stream.chunk_samples], stream)))
    calls = max(segments, round(hours * 3_600_000 / stream.chunk_ms))
    report_every = max(1, round(_REPORT_EVERY_S * 1000 / stream.chunk_ms))
    baseline.reset()
    variant.reset()
    done = 0
    for index in range(segments):
        count = calls * (index + 1) // segments - done
        paired = _PairedBuffer(count, stream.frames_per_chunk)
        for call in range(count):
            paired.step(call, baseline, variant, next(audio))
            done += 1
            until_s = done * stream.chunk_ms / 1000
            if call == count - 1:
                segment = paired.segment(until_s, threshold, stream.chunk_ms, variant.resident_bytes())
                yield SoakProgress(done, calls, until_s, segment)
            elif done % report_every == 0:
                yield SoakProgress(done, calls, until_s, None)


class _PairedBuffer:
    """The frames and times of one segment, in arrays of fixed size, so that only the sessions can make memory grow."""

    def __init__(self, calls: int, frames: int) -> None:
        self.values = np.zeros((2, 3, calls, frames), np.float32)  # side; pitch, confidence, margin
        self.variant_ms = np.zeros(calls)
        self.margins = True

    def step(self, call: int, baseline: Session, variant: SoakedProgram, chunk: Floats) -> None:
        expected = baseline.step(chunk)
        actual, self.variant_ms[call] = variant.step(chunk)
        for side, frames in enumerate((expected, actual)):
            self.values[side, 0, call], self.values[side, 1, call] = frames.pitch_semitones, frames.confidence
        self.margins &= expected.margin is not None
        if expected.margin is not None:
            self.values[0, 2, call] = expected.margin

    def segment(self, until_s: float, threshold: float, chunk_ms: float, resident_bytes: int) -> SoakSegment:
        (pitch, confidence, margin), (variant_pitch, variant_confidence, _) = self.values.reshape(2, 3, -1)
        baseline = Frames(pitch, confidence, confidence, margin if self.margins else None)
        variant = Frames(variant_pitch, variant_confidence, variant_confidence)
        voiced = confidence >= threshold
        baseline_nonfinite, variant_nonfinite = (~np.isfinite(self.values).all(1)).reshape(2, -1).sum(1)
        moved = confidence_deviation(baseline, variant)
        p50_ms, p95_ms, p99_ms = (float(ms) for ms in np.percentile(self.variant_ms, (50, 95, 99)))
        return SoakSegment(
            until_s=until_s,
            frames=len(baseline),
            voiced_frames=int(voiced.sum()),
            nonfinite_frames=int(variant_nonfinite),
            baseline_nonfinite_frames=int(baseline_nonfinite),
            pitch=pitch_deviation(baseline, variant, voiced),
            confidence_max=moved.max,
            variant_p50_ms=p50_ms,
            variant_p95_ms=p95_ms,
            variant_p99_ms=p99_ms,
            real_time_factor=p50_ms / chunk_ms,
            resident_bytes=resident_bytes,
            null_reasons={} if moved.max is not None else {"confidence_max": moved.null_reasons["max"]},
        )
