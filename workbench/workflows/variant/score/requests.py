"""The baseline's frames that a score needs: known before there is a program."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from workbench.audio.decode import Clip
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.session import random_sizes
from workbench.runtime.state_protocol import protocol_of
from workbench.workflows.variant.baseline import Request
from workbench.workflows.variant.prepare import PreparedVariant
from workbench.workflows.variant.score.tones import rendered_clips

_SIZES_SEED = 32  # of the order in which a program of several call sizes receives them
_BATCH_OFFSET = 17  # each further batch of clips starts that much later in the order


@dataclass(frozen=True)
class BaselineRequests:
    """Requests for the calibration clips, the scored ones, the same with dither, and the rendered tones."""

    calibration: tuple[Request, ...]
    scored: tuple[Request, ...]
    dithered: tuple[Request, ...]
    rendered: tuple[Request, ...]

    @property
    def all(self) -> tuple[Request, ...]:
        """All of them."""
        return self.calibration + self.scored + self.dithered + self.rendered


def baseline_requests(
    variant: PreparedVariant, call_sizes: Callable[[Clip, int], tuple[int, ...]] | None = None
) -> BaselineRequests:
    """Returns what the baseline has to run for the score of a variant.

    Args:
        variant: The variant, with its clips.
        call_sizes: Returns the sizes of the calls for a clip of a batch, in frames; None means those of a program.
    """
    stream = variant.stream
    handling = protocol_of(variant.recipe.protocol).baseline
    sizes = call_sizes or (lambda _, batch: sizes_of_batch(stream, batch))
    scored = tuple(
        Request(clip, handling, sizes(clip, batch)) for batch, clips in enumerate(batches(variant)) for clip in clips
    )
    return BaselineRequests(
        # the alignment is fitted on a continuous stream under every protocol, so that the same frames are compared
        tuple(Request(clip, "continuous", sizes(clip, 0)) for clip in variant.calibration_clips),
        scored,
        tuple(replace(request, dither=True) for request in scored),
        tuple(Request(clip, handling, (stream.frames_per_chunk,)) for clip in rendered_clips(stream)),
    )


def batches(variant: PreparedVariant) -> list[tuple[Clip, ...]]:
    """Returns the scored clips in batches of as many as the program has streams."""
    clips, streams = variant.scored_clips, variant.stream.streams
    return [clips[first : first + streams] for first in range(0, len(clips), streams)]


def sizes_of_batch(stream: StreamConfig, batch: int) -> tuple[int, ...]:
    """Returns all call sizes of a stream in a random order. Each batch starts at another position of the order."""
    sizes = random_sizes(stream, _SIZES_SEED)
    start = batch * _BATCH_OFFSET % len(sizes)
    return sizes[start:] + sizes[:start]
