"""The shape of a stream, and the implementation of each layer. Imports no torch."""

from dataclasses import dataclass

from workbench.recipe.options import (
    DEFAULT_FRONTEND_TOLERANCE,
    DEFAULT_TOEPLITZ_BLOCK,
    Frontend,
    Prefilter,
    Toeplitz,
    ToeplitzBlock,
)


@dataclass(frozen=True)
class StreamConfig:
    """The audio that one call takes, and the latency of its estimates.

    Without `max_frames_per_chunk`, every call has `frames_per_chunk` frames; with it, a call has any number of frames
    from `frames_per_chunk` to `max_frames_per_chunk`, in any order. `streams` is the number of independent voices of a
    call, each with its own state. `mirror` is the share of the window's future half that is padded with zeros instead
    of waited for.
    """

    sample_rate_hz: int
    hop_samples: int
    frames_per_chunk: int
    mirror: float
    max_frames_per_chunk: int | None = None
    streams: int = 1

    @property
    def chunk_samples(self) -> int:
        """Samples of the smallest call."""
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
        """Whether calls can have several sizes."""
        return len(self.sizes) > 1

    @property
    def depends_on_chunking(self) -> bool:
        """Whether an estimate depends on where the audio is cut into chunks.

        If mirror > 0, the window of a call's last frame is padded with zeros after the end of the call. The windows of
        earlier frames of the same call contain later samples of the call instead.
        """
        return self.mirror > 0 and self.max_frames > 1

    def accepts(self, samples: int) -> bool:
        """Whether a call can have this number of samples."""
        frames, rest = divmod(samples, self.hop_samples)
        return not rest and frames in self.sizes

    @property
    def chunk_ms(self) -> float:
        """Time between two of the smallest calls in milliseconds: the deadline of a call."""
        return 1000.0 * self.chunk_samples / self.sample_rate_hz

    @property
    def hop_ms(self) -> float:
        """Time between two frames in milliseconds; upstream calls it `step_size`."""
        return 1000.0 * self.hop_samples / self.sample_rate_hz


@dataclass(frozen=True)
class Implementations:
    """Which implementation of the front end, the wide convolutions and the last layer is used.

    `band` is for every prefilter but "conv": the share of the frequencies that is kept, 0 < band <= 1; less than 1 is
    an approximation. `tolerance` is for `frontend="low-rank"` and "three-stage": the largest error of a bin's kernel,
    relative to its norm. `toeplitz_block` is for `toeplitz="block"`: the outputs in a block.
    """

    frontend: Frontend = "upstream"
    prefilter: Prefilter = "conv"
    toeplitz: Toeplitz = "linear"
    band: float = 1.0
    tolerance: float = DEFAULT_FRONTEND_TOLERANCE
    toeplitz_block: ToeplitzBlock = DEFAULT_TOEPLITZ_BLOCK
