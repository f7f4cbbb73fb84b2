"""The figures of each call size of a program that accepts several: its deviation, and the time of its calls."""

from collections.abc import Sequence

import numpy as np

from workbench.measure.deviation import deviation
from workbench.measure.paired_frames import PairedFrames
from workbench.measure.speed import PairTimes
from workbench.measure.spread import Spread
from workbench.recipe.stream_config import StreamConfig
from workbench.record_model import RecordModel


class SizeFigures(RecordModel):
    """Calls of one size. Both sides run each clip from a reset, in the same chunks of that size.

    The smallest size, the largest one and the powers of two between them are timed: as in `speed`, with fewer untimed
    calls at the start of a turn (8 frames, and at least two calls). The times of the others are null.

    Attributes:
        frames_per_chunk: The size of a call in frames.
        chunk_ms: The duration of its audio.
        frames: All frames of all clips.
        voiced_frames: The frames on which the pitch is compared.
        p95_cents: 95th percentile of the absolute pitch deviation; null as in `deviation`.
        max_cents: The largest absolute pitch deviation.
        max_untied_cents: The largest one without tied frames.
        max_without_jumps_cents: The largest one of those that are at most 50 cents.
        over_50_cents_rate: The share of voiced frames that deviate by more than 50 cents.
        confidence_max: The largest deviation of the confidence over all frames.
        baseline_p50_ms: The median call of the baseline.
        variant_p50_ms: The median call of the variant.
        baseline_p50_ms_per_frame: `baseline_p50_ms` / `frames_per_chunk`.
        variant_p50_ms_per_frame: `variant_p50_ms` / `frames_per_chunk`.
        speedup_p50: How many times faster the variant is, as in `speed`: the median over rounds.
        speedup_low: The 10th percentile over rounds.
        speedup_high: The 90th percentile over rounds.
    """

    frames_per_chunk: int
    chunk_ms: float
    frames: int
    voiced_frames: int
    p95_cents: float | None
    max_cents: float | None
    max_untied_cents: float | None
    max_without_jumps_cents: float | None = None
    over_50_cents_rate: float | None = None
    confidence_max: float | None
    baseline_p50_ms: float | None
    variant_p50_ms: float | None
    baseline_p50_ms_per_frame: float | None
    variant_p50_ms_per_frame: float | None
    speedup_p50: float | None
    speedup_low: float | None
    speedup_high: float | None

    @property
    def speedup(self) -> Spread | None:
        """How many times faster the variant is than the baseline, over rounds; None if the size was not timed."""
        if self.speedup_p50 is None or self.speedup_low is None or self.speedup_high is None:
            return None
        return Spread(p50=self.speedup_p50, low=self.speedup_low, high=self.speedup_high)


_TIMES = (
    *("baseline_p50_ms", "variant_p50_ms", "baseline_p50_ms_per_frame", "variant_p50_ms_per_frame"),
    *("speedup_p50", "speedup_low", "speedup_high"),
)


class OverSizes(RecordModel):
    """The largest deviation over all call sizes; null if there is only one size, or if a size has no figure.

    Attributes:
        worst_p95_cents: The largest 95th percentile of the pitch deviation.
        worst_max_untied_cents: The largest pitch deviation without tied frames.
    """

    worst_p95_cents: float | None
    worst_max_untied_cents: float | None


def no_sizes(reason: str) -> OverSizes:
    """Returns the figures if no size was measured."""
    names = ("worst_p95_cents", "worst_max_untied_cents")
    return OverSizes(**dict.fromkeys(names), null_reasons=dict.fromkeys(names, reason))


ONLY_ONE_SIZE = no_sizes("the program accepts only one size")


def timed_sizes(sizes: Sequence[int]) -> list[int]:
    """Returns the call sizes that are timed and shown, of all in ascending order: enough to see a curve.

    They are the smallest one, the largest one, and the powers of two between them.
    """
    return [size for size in sizes if size in (sizes[0], sizes[-1]) or size.bit_count() == 1]


def size_figures(
    frames_per_chunk: int, stream: StreamConfig, clips: Sequence[PairedFrames], threshold: float
) -> SizeFigures:
    """Returns the figures of one call size, without times.

    Args:
        frames_per_chunk: The size.
        stream: The stream.
        clips: The frames of both sides in calls of that size.
        threshold: The confidence from which a frame counts as voiced.
    """
    found = deviation(clips, threshold)
    pitch = found.pitch
    nulls = {name: reason for name, reason in pitch.null_reasons.items() if name in SizeFigures.model_fields}
    if found.confidence.max is None:
        nulls["confidence_max"] = found.confidence.null_reasons["max"]
    nulls |= dict.fromkeys(_TIMES, "only the smallest size, the largest one and powers of two are timed")
    return SizeFigures(
        frames_per_chunk=frames_per_chunk,
        chunk_ms=frames_per_chunk * stream.hop_ms,
        frames=found.frames,
        voiced_frames=found.voiced_frames,
        p95_cents=pitch.p95_cents,
        max_cents=pitch.max_cents,
        max_untied_cents=pitch.max_untied_cents,
        max_without_jumps_cents=pitch.max_without_jumps_cents,
        over_50_cents_rate=pitch.over_50_cents_rate,
        confidence_max=found.confidence.max,
        **dict.fromkeys(_TIMES),
        null_reasons=nulls,
    )


def with_times(size: SizeFigures, times: PairTimes) -> SizeFigures:
    """Returns the figures of a call size with the times of its calls."""
    baseline_ms, variant_ms = float(np.median(times.baseline_ms)), float(np.median(times.variant_ms))
    per_frame_ms = (baseline_ms / size.frames_per_chunk, variant_ms / size.frames_per_chunk)
    faster = times.speedup
    figures = (baseline_ms, variant_ms, *per_frame_ms, faster.p50, faster.low, faster.high)
    nulls = {name: reason for name, reason in size.null_reasons.items() if name not in _TIMES}
    return size.replace(**dict(zip(_TIMES, figures, strict=True)), null_reasons=nulls)


def over_sizes(sizes: Sequence[SizeFigures]) -> OverSizes:
    """Returns the largest deviation over at least one size. It is null for the reason of the first size without one."""
    worst: dict[str, float | None] = {}
    nulls: dict[str, str] = {}
    for name in ("p95_cents", "max_untied_cents"):
        missing = [size for size in sizes if getattr(size, name) is None]
        if missing:
            first = missing[0]
            nulls[f"worst_{name}"] = f"{first.frames_per_chunk} frames a call: {first.null_reasons[name]}"
        worst[f"worst_{name}"] = None if missing else max(getattr(size, name) for size in sizes)
    return OverSizes(**worst, null_reasons=nulls)
