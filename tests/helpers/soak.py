"""A short long stream: a session that drifts, and the record of a soak with it."""

import numpy as np

from workbench.measure.soak import long_stream
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
        values = (60 + self.drift * len(self.inputs), 0.9, 1.0)
        return Frames(*(np.array([value], np.float32) for value in values))


def soak_of(drift: float, **last: object) -> Soak:
    """Four segments of ten voiced frames, 1 ms per call and 500 resident bytes; the last with other figures."""
    stream = long_stream(
        DriftingSession(0.0), DriftingSession(drift), np.ones(300, np.float32), 4 / 3600, 0.5, segments=4
    )
    segments = [
        progress.segment.model_copy(update={"variant_p50_ms": 1.0, "resident_bytes": 500})
        for progress in stream
        if progress.segment
    ]
    segments[-1] = segments[-1].model_copy(update=last)
    return Soak.model_construct(stretches=tuple(segments))
