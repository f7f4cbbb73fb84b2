"""The streaming set-up that baseline and variant share. Knows no torch: a program alone can tell it, too."""

from dataclasses import dataclass
from typing import Literal

Reduction = Literal["alwa", "argmax", "mean"]


@dataclass(frozen=True)
class Stream:
    """The streaming set-up that baseline and variant share: what one call takes and when its estimate is due."""

    sample_rate_hz: int
    hop_samples: int
    frames_per_chunk: int
    mirror: float

    @property
    def chunk_samples(self) -> int:
        """Samples of one call."""
        return self.hop_samples * self.frames_per_chunk

    @property
    def chunk_ms(self) -> float:
        """The period of the calls in milliseconds: the deadline of each."""
        return 1000.0 * self.chunk_samples / self.sample_rate_hz

    @property
    def step_ms(self) -> float:
        """The hop in milliseconds, in upstream's word: `step_size`."""
        return 1000.0 * self.hop_samples / self.sample_rate_hz
