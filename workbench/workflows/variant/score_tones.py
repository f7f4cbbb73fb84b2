"""Sounds that the workbench renders itself: the measured delay and the steadiness of both sides."""

from collections.abc import Sequence
from pathlib import Path

from workbench.audio.decode import Clip
from workbench.measure.tones.delay import Delay, StepDelay, pitch_step_signal, step_delay
from workbench.measure.tones.steadiness import SideSteadiness, Steadiness, side_steadiness, steady_sounds
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.session import Floats, Frames
from workbench.storage.hashing import sha256_of


def rendered_clips(stream: StreamConfig) -> tuple[Clip, Clip]:
    """Returns the tone that steps between two pitches, and the steady tones and glides, at the rate of the stream."""
    return (
        _clip("a tone that steps", pitch_step_signal(stream).samples, stream.sample_rate_hz),
        _clip("steady tones and glides", steady_sounds(stream.sample_rate_hz).samples, stream.sample_rate_hz),
    )


def _clip(name: str, samples: Floats, rate_hz: int) -> Clip:
    return Clip(name, Path(), sha256_of(samples.tobytes()), rate_hz, samples, rate_hz, channels=1, f0=None)


def side_figures(frames: Sequence[Frames], stream: StreamConfig) -> tuple[StepDelay, SideSteadiness]:
    """Returns the delay and the steadiness of one side from its frames over the two clips of `rendered_clips`."""
    delay = step_delay(frames[0], pitch_step_signal(stream), stream)
    return delay, side_steadiness(frames[1], stream, delay)


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
