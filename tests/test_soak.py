"""A long stream, short: its parts, and a session that goes wrong slowly."""

import numpy as np

from workbench.measure.soak import long_stream
from workbench.model.stream import Stream
from workbench.runtime.session import Frames

STREAM = Stream(1000, 100, 1, 0.0)


class Counter:
    """A session whose pitch moves by `drift` semitones a call, and that starts over at a reset alone."""

    def __init__(self, drift: float) -> None:
        self.stream, self.drift, self.calls, self.heard = STREAM, drift, 0, []

    def reset(self, stream: int | None = None) -> None:
        self.calls, self.heard = 0, []

    def step(self, chunk: np.ndarray) -> Frames:
        self.calls += 1
        self.heard.append(chunk[0])
        return Frames(*(np.array([value], np.float32) for value in (60 + self.drift * self.calls, 0.9, 1.0)))


def test_a_drift_shows_from_part_to_part() -> None:
    steady, drifting = Counter(0.0), Counter(0.125)
    clip = np.repeat(np.arange(3, dtype=np.float32), 100)
    parts = long_stream(steady, drifting, np.concatenate([clip, clip[:50]]), 4 / 3600, 0.5)  # 4 s, 40 calls
    assert [part.pitch.max_cents for part in parts] == [125, 250, 375, 500]
    assert drifting.heard == steady.heard == [float(at % 3) for at in range(40)]  # whole calls, over and over
    assert all(part.resident_bytes > 1_000_000 and part.confidence_max == 0 for part in parts)
