"""What the size of a call does, to the estimates and to the time that they take: each size that a program takes."""

from collections.abc import Sequence

import numpy as np

from workbench.measure.deviation import PairedFrames, deviation
from workbench.measure.speed import PairTimes
from workbench.measure.spread import Spread
from workbench.recipe.stream_config import StreamConfig
from workbench.record_model import RecordModel


class SizeFigures(RecordModel):
    """Calls of one size throughout: deviation over all clips as in `deviation`, each clip rolled from a reset through
    the same chunks on both sides; the median time of a call, and of a call by its frames; and how many times faster
    the variant is, as in `speed`: median, 10th and 90th percentile over alternating rounds."""

    frames_per_chunk: int
    chunk_ms: float
    frames: int
    voiced_frames: int
    p95_cents: float | None
    max_cents: float | None
    max_untied_cents: float | None
    confidence_max: float | None
    baseline_p50_ms: float
    variant_p50_ms: float
    baseline_p50_ms_per_frame: float
    variant_p50_ms_per_frame: float
    speedup_p50: float
    speedup_low: float
    speedup_high: float

    @property
    def speedup(self) -> Spread:
        """How many times faster the variant is than the baseline, over rounds."""
        return Spread(p50=self.speedup_p50, low=self.speedup_low, high=self.speedup_high)


class OverSizes(RecordModel):
    """The worst size's figures; null where a program takes but one size."""

    worst_p95_cents: float | None
    worst_max_untied_cents: float | None


def no_sizes(reason: str) -> OverSizes:
    """Where no size was measured."""
    names = ("worst_p95_cents", "worst_max_untied_cents")
    return OverSizes(**dict.fromkeys(names), null_reasons=dict.fromkeys(names, reason))


NOT_OVER_SIZES = no_sizes("the program does not take several sizes")


def size_figures(
    frames: int,
    stream: StreamConfig,
    rolls: Sequence[PairedFrames],
    threshold: float,
    times: PairTimes,
) -> SizeFigures:
    """The figures of calls of so many frames, from its rolls and its times (rounds, calls) in milliseconds."""
    of = deviation(rolls, threshold)
    nulls = {name: reason for name, reason in of.pitch.null_reasons.items() if name in SizeFigures.model_fields}
    if of.confidence.max is None:
        nulls["confidence_max"] = of.confidence.null_reasons["max"]
    baseline_p50_ms, variant_p50_ms = float(np.median(times.baseline_ms)), float(np.median(times.variant_ms))
    faster = times.speedup
    return SizeFigures(
        frames_per_chunk=frames,
        chunk_ms=frames * stream.hop_ms,
        frames=of.frames,
        voiced_frames=of.voiced_frames,
        p95_cents=of.pitch.p95_cents,
        max_cents=of.pitch.max_cents,
        max_untied_cents=of.pitch.max_untied_cents,
        confidence_max=of.confidence.max,
        baseline_p50_ms=baseline_p50_ms,
        variant_p50_ms=variant_p50_ms,
        baseline_p50_ms_per_frame=baseline_p50_ms / frames,
        variant_p50_ms_per_frame=variant_p50_ms / frames,
        speedup_p50=faster.p50,
        speedup_low=faster.low,
        speedup_high=faster.high,
        null_reasons=nulls,
    )


def over_sizes(sizes: Sequence[SizeFigures]) -> OverSizes:
    """The worst of all sizes; null, with the size's own reason, where a size has no figure."""
    worst: dict[str, float | None] = {}
    nulls: dict[str, str] = {}
    for name in ("p95_cents", "max_untied_cents"):
        figures = {size.frames_per_chunk: getattr(size, name) for size in sizes}
        missing = next((size for size in sizes if getattr(size, name) is None), None)
        worst[f"worst_{name}"] = None if missing else max(figures.values())
        if missing:
            nulls[f"worst_{name}"] = f"{missing.frames_per_chunk} frames a call: {missing.null_reasons[name]}"
    return OverSizes(**worst, null_reasons=nulls)
