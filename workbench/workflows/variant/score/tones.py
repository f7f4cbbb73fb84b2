"""Sounds that the workbench renders itself: the measured delay and the steadiness of both sides."""

from collections.abc import Sequence
from pathlib import Path

from workbench.audio.decode import Clip
from workbench.measure.tones.delay import Delay
from workbench.measure.tones.steadiness import Steadiness, rendered_samples, side_figures
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.session import Floats, Frames
from workbench.storage.hashing import sha256_of


def rendered_clips(stream: StreamConfig) -> tuple[Clip, Clip]:
    """Returns the sounds of `rendered_samples` as clips."""
    steps, steady = rendered_samples(stream)
    return _clip("a tone that steps", steps, stream), _clip("steady tones and glides", steady, stream)


def _clip(name: str, samples: Floats, stream: StreamConfig) -> Clip:
    rate_hz = stream.sample_rate_hz
    return Clip(name, Path(), sha256_of(samples.tobytes()), rate_hz, samples, rate_hz, channels=1, f0=None)


def delay_and_steadiness(
    baseline: Sequence[Frames], variant: Sequence[Frames], stream: StreamConfig
) -> tuple[Delay, Steadiness]:
    """Returns the figures of both sides; see `side_figures`."""
    (baseline_delay, baseline_errors), (variant_delay, variant_errors) = (
        side_figures(frames, stream) for frames in (baseline, variant)
    )
    return (
        Delay(baseline=baseline_delay, variant=variant_delay),
        Steadiness(baseline=baseline_errors, variant=variant_errors),
    )
