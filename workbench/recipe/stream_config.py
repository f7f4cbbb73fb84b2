"""What a stream is, and which implementation of each layer computes it. Imports no torch."""

from dataclasses import dataclass

from workbench.recipe.options import DEFAULT_FRONTEND_TOLERANCE, Frontend, Prefilter, Toeplitz


@dataclass(frozen=True)
class StreamConfig:
    """What one call takes and when its estimate is due.

    With `max_frames_per_chunk`, a call may have any number of frames from `frames_per_chunk` to it, in any order;
    without, it has `frames_per_chunk`. `streams` voices are heard at once, each with a memory of its own.
    """

    sample_rate_hz: int
    hop_samples: int
    frames_per_chunk: int
    mirror: float
    max_frames_per_chunk: int | None = None
    streams: int = 1

    @property
    def chunk_samples(self) -> int:
        """Samples of one call: of the smallest, where there are several sizes."""
        return self.hop_samples * self.frames_per_chunk

    @property
    def max_frames(self) -> int:
        """Frames of the largest call."""
        return self.max_frames_per_chunk or self.frames_per_chunk

    @property
    def max_chunk_samples(self) -> int:
        """Samples of the largest call."""
        return self.hop_samples * self.max_frames

    @property
    def sizes(self) -> range:
        """The numbers of frames that a call can have."""
        return range(self.frames_per_chunk, self.max_frames + 1)

    @property
    def dynamic(self) -> bool:
        """Whether there are several sizes."""
        return len(self.sizes) > 1

    @property
    def depends_on_chunking(self) -> bool:
        """Whether an estimate depends on how the audio is cut: with mirror, all but the last frame of a call hear the
        call's own samples where the last one hears zeros."""
        return self.mirror > 0 and self.max_frames > 1

    def accepts(self, samples: int) -> bool:
        """Whether a call can have so many samples."""
        frames, rest = divmod(samples, self.hop_samples)
        return not rest and frames in self.sizes

    @property
    def chunk_ms(self) -> float:
        """The period of the (smallest) calls in milliseconds: the deadline of each."""
        return 1000.0 * self.chunk_samples / self.sample_rate_hz

    @property
    def hop_ms(self) -> float:
        """The hop in milliseconds, in upstream's word: `step_size`."""
        return 1000.0 * self.hop_samples / self.sample_rate_hz


@dataclass(frozen=True)
class Implementations:
    """Which implementation of the front end, the wide convolutions and the last layer is used.

    `band` belongs to `fourier`: the share of its frequencies that is kept, 0 < band <= 1. Less than 1 is an
    approximation. `tolerance` belongs to `low-rank`: the largest error of a bin's kernel, relative to its norm.
    """

    frontend: Frontend = "upstream"
    prefilter: Prefilter = "conv"
    toeplitz: Toeplitz = "linear"
    band: float = 1.0
    tolerance: float = DEFAULT_FRONTEND_TOLERANCE
