"""Contours to look at: pitch, confidence and deviation over time. A frame that is not voiced is not drawn as pitch."""

import io

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from workbench.measure.deviation import PairedFrames
from workbench.units import CENTS_PER_SEMITONE

_BASELINE, _VARIANT, _KNOWN = "#d1495b", "#00798c", "#b8b8b8"
Series = NDArray[np.floating]


def contour_png(
    rolls: PairedFrames,
    times_s: Series,
    title: str,
    threshold: float,
    known_semitones: Series | None = None,
    shown_from: float | None = None,
) -> bytes:
    """Baseline and variant over each other, and their deviation below, as a PNG.

    times_s, known_semitones: (frames,); the known pitch is NaN where unvoiced, or None where it is not known. Of less
    confidence than `shown_from` no side's pitch is drawn; deviations are, as scores know of no such filter.
    """
    figure, (pitch, confidence, deviation) = plt.subplots(
        3, 1, figsize=(11, 7.5), sharex=True, height_ratios=(3, 1.4, 1.4), layout="constrained"
    )
    if known_semitones is not None:
        pitch.plot(times_s, known_semitones, color=_KNOWN, lw=6, solid_capstyle="butt", label="known f0")
    drawn = [rolls.voiced] * 2
    if shown_from is not None:
        drawn = [rolls.voiced & (side.confidence >= shown_from) for side in (rolls.baseline, rolls.variant)]
    _pitch(pitch, times_s, rolls.baseline.pitch_semitones, drawn[0], _BASELINE, "baseline (upstream, eager)", 3.0)
    _pitch(pitch, times_s, rolls.variant.pitch_semitones, drawn[1], _VARIANT, "variant (program)", 1.2)
    pitch.set_ylabel("pitch (MIDI semitones)")
    pitch.set_title(title, loc="left", fontsize=11, parse_math=False)
    if not rolls.voiced.any():
        pitch.text(0.5, 0.5, "no voiced frame", transform=pitch.transAxes, ha="center", color="gray")
    pitch.legend(loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.2, fontsize=8, ncols=3, frameon=False)

    confidence.plot(times_s, rolls.baseline.confidence, color=_BASELINE, lw=3.0, alpha=0.5)
    confidence.plot(times_s, rolls.variant.confidence, color=_VARIANT, lw=1.2)
    confidence.axhline(threshold, color="gray", lw=0.8, ls=":")
    if shown_from is not None:
        confidence.axhline(shown_from, color="black", lw=0.8)
        confidence.text(times_s[0], shown_from, f" drawn from {shown_from:g}", va="bottom", fontsize=8)
    confidence.set_ylim(-0.03, 1.03)
    confidence.set_ylabel("confidence")

    signed = rolls.variant.pitch_semitones.astype(np.float64) - rolls.baseline.pitch_semitones
    cents = np.where(rolls.voiced, signed * CENTS_PER_SEMITONE, np.nan)
    deviation.axhline(0, color="gray", lw=0.8)
    deviation.plot(times_s, cents, ".", color=_VARIANT, ms=4)
    deviation.set_ylabel("variant − baseline\n(cents, voiced frames)")
    deviation.set_xlabel(
        f"time (s); {int(rolls.voiced.sum())} of {len(times_s)} frames are voiced, by {rolls.voiced_by}"
    )
    return png(figure)


def track_png(times_s: Series, semitones: Series, confidence: Series, title: str, threshold: float) -> bytes:
    """One side alone: pitch where confidence reaches the threshold, and confidence; (frames,) each."""
    figure, (pitch, below) = plt.subplots(
        2, 1, figsize=(11, 6), sharex=True, height_ratios=(3, 1), layout="constrained"
    )
    voiced = confidence >= threshold
    _pitch(pitch, times_s, semitones, voiced, _VARIANT, "pitch", 1.5)
    if not voiced.any():
        pitch.text(0.5, 0.5, "no voiced frame", transform=pitch.transAxes, ha="center", color="gray")
    pitch.set_ylabel("pitch (MIDI semitones)")
    pitch.set_title(title, loc="left", fontsize=11, parse_math=False)
    below.plot(times_s, confidence, color=_VARIANT, lw=1.2)
    below.axhline(threshold, color="gray", lw=0.8, ls=":")
    below.set_ylim(-0.03, 1.03)
    below.set_ylabel("confidence")
    below.set_xlabel(f"time (s); drawn as pitch where confidence is {threshold:g} or more")
    return png(figure)


def _pitch(
    axes: Axes,
    times_s: Series,
    semitones: NDArray[np.floating],
    voiced: NDArray[np.bool_],
    color: str,
    label: str,
    lw: float,
) -> None:
    shown = np.where(voiced, semitones, np.nan)
    axes.plot(times_s, shown, ".-", color=color, lw=lw, ms=2 * lw, label=label, alpha=0.5 if lw > 2 else 1)


def png(figure: plt.Figure) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110)
    plt.close(figure)
    return content.getvalue()
