"""The frames of all variants as the page holds them. Variants that share a baseline share its frames in the page."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.records.frames.stored import ClipFrames
from workbench.units import hz_to_semitones

# The histogram goes from the rounding of a float to eight octaves.
LOWEST_CENTS, DECADES, BINS_PER_DECADE = 1e-4, 8, 4


@dataclass(frozen=True)
class BaselineFrames:
    """Frames of upstream, rounded for the drawing; None if there is no value. Frame i ends at (i + 1) * hop_s.

    `known` is the known f0 in semitones; it is empty if the clip has none.
    """

    hop_s: float
    pitch: list[float | None]
    confidence: list[float | None]
    known: list[float | None]


@dataclass(frozen=True)
class ContourView:
    """A clip of a variant; `baseline` is a key of `Baselines`, and `cents` is variant - baseline.

    A frame that is not voiced has no deviation: None. `max_cents` is None if no frame is voiced or one is not finite.
    """

    clip: str
    baseline: str
    cents: list[float | None]
    confidence: list[float | None]
    max_cents: float | None


@dataclass(frozen=True)
class Histogram:
    """|cents| of `frames` voiced frames: `equal` of them are 0, the others are counted in bins of a quarter decade."""

    frames: int
    equal: int
    counts: list[int]


Baselines = dict[str, BaselineFrames]


def contour(frames: ClipFrames, baselines: Baselines) -> ContourView:
    """Returns a clip of a variant, pitch rounded to 0.1 cents and deviations to three digits.

    Adds the frames of the baseline to `baselines`, unless they are there.
    """
    baseline = BaselineFrames(
        hop_s=float(frames.time_s[0]),
        pitch=_rounded(frames.baseline.pitch_semitones, "%.3f", frames.voiced),
        confidence=_rounded(frames.baseline.confidence, "%.3f"),
        known=[] if frames.known_hz is None else _rounded(hz_to_semitones(frames.known_hz), "%.3f"),
    )
    key = hashlib.sha256(repr(baseline).encode()).hexdigest()[:12]
    baselines[key] = baseline
    deviation_cents = np.abs(frames.cents[frames.voiced])
    known = deviation_cents.size > 0 and bool(np.isfinite(deviation_cents).all())
    return ContourView(
        clip=frames.clip,
        baseline=key,
        cents=_rounded(frames.cents, "%.3g", frames.voiced),
        confidence=_rounded(frames.variant.confidence, "%.3f"),
        max_cents=float(deviation_cents.max()) if known else None,
    )


def histogram(clips: Iterable[ClipFrames]) -> Histogram | None:
    """Returns the histogram of |cents| over all voiced frames; None if no frame is voiced.

    The first bin has everything below its end that is not 0, the last everything above its start, also frames that are
    not finite.
    """
    cents = np.concatenate([np.empty(0), *(np.abs(clip.cents[clip.voiced]) for clip in clips)])
    if not cents.size:
        return None
    different = np.where(np.isfinite(cents), cents, np.inf)[cents != 0]
    bins = DECADES * BINS_PER_DECADE
    edges = LOWEST_CENTS * 10 ** (np.arange(1, bins) / BINS_PER_DECADE)
    counts = np.bincount(np.searchsorted(edges, different, side="right"), minlength=bins)
    return Histogram(frames=int(cents.size), equal=int((cents == 0).sum()), counts=counts.tolist())


def _rounded(values: NDArray[np.floating], form: str, shown: NDArray[np.bool_] | None = None) -> list[float | None]:
    """(frames,) values in a printf form; None if a value is not finite, or if `shown` is false for the frame."""
    known = np.isfinite(values) if shown is None else np.isfinite(values) & shown
    return [float(form % value) if show else None for value, show in zip(values, known, strict=True)]
