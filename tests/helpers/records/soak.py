"""A session that drifts, a segment of a soak, and a soak."""

import numpy as np

from tests.helpers.frames import frames_of
from tests.helpers.records.results import stored
from workbench.measure.soak import SoakSegment
from workbench.recipe.stream_config import StreamConfig
from workbench.records.soak import Soak
from workbench.runtime.session import Frames


class DriftingSession:
    """A session whose pitch moves by `drift` semitones per call since the last reset."""

    def __init__(self, drift: float) -> None:
        self.stream, self.drift, self.inputs = StreamConfig(1000, 100, 1, 0.0), drift, []

    def reset(self, stream: int | None = None) -> None:
        self.inputs = []

    def step(self, chunk: np.ndarray) -> Frames:
        self.inputs.append(chunk[0])
        return frames_of([60 + self.drift * len(self.inputs)], 0.9)


def soak_segment(until_s: float, **values: object) -> SoakSegment:
    """A segment of ten voiced frames, with the pitch deviation of a stored result and with values replaced."""
    deviation = stored().deviation
    assert deviation is not None
    segment = SoakSegment(
        until_s=until_s,
        frames=12,
        voiced_frames=10,
        nonfinite_frames=0,
        baseline_nonfinite_frames=0,
        pitch=deviation.pitch,
        confidence_max=0.0,
        variant_p50_ms=1.0,
        variant_p95_ms=1.5,
        variant_p99_ms=2.0,
        real_time_factor=0.05,
        resident_bytes=500,
    )
    return segment.replace(**values)


def soak_of(*segments: SoakSegment) -> Soak:
    """A soak of these segments that is not judged yet, on the program of a stored result."""
    result = stored()
    assert result.program is not None
    return Soak(
        created=result.created,
        recipe=result.recipe,
        environment=result.environment,
        program=result.program,
        clips=("sung/a",),
        hours=1.0,
        took_s=60.0,
        stretches=segments,
    )
