"""The frames of all variants as the page holds them: a baseline that several variants share is there once."""

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.records.frames import ClipFrames

LOWEST_CENTS, DECADES, BINS_PER_DECADE = 1e-4, 8, 4  # of the histogram: from a float's rounding to eight octaves

Baselines = dict[str, dict[str, Any]]


def contour(frames: ClipFrames, baselines: Baselines) -> dict[str, Any]:
    """A clip of a variant, rounded to what a drawing shows: pitch to 0.1 cents, deviations to three digits.

    Frame i ends at (i + 1) * hop_s. A frame that is not voiced has no pitch and no deviation: null. The baseline goes
    into `baselines`, and its key into what is returned.
    """
    baseline = {
        "hop_s": float(frames.time_s[0]),
        "pitch": _numbers(frames.baseline.pitch_semitones, frames.voiced, "%.3f"),
        "confidence": _numbers(frames.baseline.confidence, None, "%.3f"),
    }
    key = hashlib.sha256(repr(baseline).encode()).hexdigest()[:12]
    baselines[key] = baseline
    cents = np.abs(frames.cents[frames.voiced])
    return {
        "clip": frames.clip,
        "baseline": key,
        "cents": _numbers(frames.cents, frames.voiced, "%.3g"),
        "confidence": _numbers(frames.variant.confidence, None, "%.3f"),
        "max_cents": float(cents.max()) if cents.size and np.isfinite(cents).all() else None,
    }


def histogram(clips: Iterable[ClipFrames]) -> dict[str, Any] | None:
    """|cents| of all voiced frames in bins of a quarter decade, and how many are exactly equal; None without any.

    The first bin holds all that is below its end and not 0, the last all above its start and what is not finite.
    """
    found = [np.abs(clip.cents[clip.voiced]) for clip in clips]
    cents = np.concatenate(found) if found else np.empty(0)
    if not cents.size:
        return None
    different = np.where(np.isfinite(cents), cents, np.inf)[cents != 0]
    bins = DECADES * BINS_PER_DECADE
    edges = LOWEST_CENTS * 10 ** (np.arange(1, bins) / BINS_PER_DECADE)
    counts = np.bincount(np.searchsorted(edges, different, side="right"), minlength=bins)
    return {"frames": int(cents.size), "equal": int((cents == 0).sum()), "counts": counts.tolist()}


def _numbers(values: NDArray[np.floating], where: NDArray[np.bool_] | None, form: str) -> list[float | None]:
    shown = np.isfinite(values) if where is None else np.isfinite(values) & where
    return [float(form % value) if show else None for value, show in zip(values, shown, strict=True)]
