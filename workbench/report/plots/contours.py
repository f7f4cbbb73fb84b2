"""Pitch, confidence and deviation over time. A frame that is not voiced has no pitch in the picture."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from workbench.measure.paired_frames import PairedFrames
from workbench.report.plots.figure import BASELINE_COLOR, VARIANT_COLOR, encode_png
from workbench.units import CENTS_PER_SEMITONE

_KNOWN_F0_COLOR = "#b8b8b8"
Series = NDArray[np.floating]


def contour_png(
    frames: PairedFrames,
    times_s: Series,
    title: str,
    threshold: float,
    known_semitones: Series | None = None,
    shown_from: float | None = None,
) -> bytes:
    """Draws baseline and variant over each other, with their confidence and their deviation below.

    Args:
        frames: Both sides of a clip.
        times_s: (frames,) seconds.
        title: The title. Formula markup in it is not interpreted.
        threshold: The confidence from which a frame counts as voiced; drawn as a line.
        known_semitones: (frames,) known pitch, NaN if unvoiced. None if it is not known.
        shown_from: The confidence from which a side's pitch is drawn. Deviations are always drawn, because the
            measurement has no such filter.

    Returns:
        The picture as a PNG file.
    """
    figure = Figure(figsize=(11, 7.5))
    title_lines = 1 + title.count("\n")
    # no constrained layout, which is slow: the axes of all clips are then in the same place
    figure.subplots_adjust(left=0.115, right=0.99, bottom=0.07, top=0.98 - 0.025 * title_lines, hspace=0.08)
    pitch, confidence, deviation = figure.subplots(3, 1, sharex=True, height_ratios=(3, 1.4, 1.4))
    if known_semitones is not None:
        pitch.plot(times_s, known_semitones, color=_KNOWN_F0_COLOR, lw=6, solid_capstyle="butt", label="known f0")
    for side, color, label, line_width in (
        (frames.baseline, BASELINE_COLOR, "baseline (upstream, eager)", 3.0),
        (frames.variant, VARIANT_COLOR, "variant (program)", 1.2),
    ):
        shown = frames.voiced if shown_from is None else frames.voiced & (side.confidence >= shown_from)
        _draw_pitch(pitch, times_s, side.pitch_semitones, shown, color, label, line_width)
    _label_pitch(pitch, title, frames.voiced)
    pitch.legend(loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.2, fontsize=8, ncols=3, frameon=False)

    confidence.plot(times_s, frames.baseline.confidence, color=BASELINE_COLOR, lw=3.0, alpha=0.5)
    _draw_confidence(confidence, times_s, frames.variant.confidence, threshold)
    if shown_from is not None:
        confidence.axhline(shown_from, color="black", lw=0.8)
        confidence.text(times_s[0], shown_from, f" drawn from {shown_from:g}", va="bottom", fontsize=8)

    signed_semitones = frames.variant.pitch_semitones.astype(np.float64) - frames.baseline.pitch_semitones
    deviation_cents = np.where(frames.voiced, signed_semitones * CENTS_PER_SEMITONE, np.nan)
    deviation.axhline(0, color="gray", lw=0.8)
    deviation.plot(times_s, deviation_cents, ".", color=VARIANT_COLOR, ms=4)
    deviation.set_ylabel("variant − baseline\n(cents, voiced frames)")
    deviation.set_xlabel(
        f"time (s); {int(frames.voiced.sum())} of {len(times_s)} frames are voiced, by {frames.voiced_by}"
    )
    return encode_png(figure)


def track_png(times_s: Series, semitones: Series, confidence: Series, title: str, threshold: float) -> bytes:
    """Draws the output of one session: pitch if confidence reaches the threshold, and confidence.

    Args:
        times_s: (frames,) seconds.
        semitones: (frames,) MIDI semitones.
        confidence: (frames,) 0 to 1.
        title: The title. Formula markup in it is not interpreted.
        threshold: The lowest confidence at which pitch is drawn.

    Returns:
        The picture as a PNG file.
    """
    figure = Figure(figsize=(11, 6), layout="constrained")
    pitch, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    voiced = confidence >= threshold
    _draw_pitch(pitch, times_s, semitones, voiced, VARIANT_COLOR, "pitch", 1.5)
    _label_pitch(pitch, title, voiced)
    _draw_confidence(below, times_s, confidence, threshold)
    below.set_xlabel(f"time (s); drawn as pitch where confidence is {threshold:g} or more")
    return encode_png(figure)


def _draw_pitch(
    axes: Axes,
    times_s: Series,
    semitones: Series,
    shown: NDArray[np.bool_],
    color: str,
    label: str,
    line_width: float,
) -> None:
    """Draws the frames that `shown` selects; a wide line is half transparent, so that the other one is seen."""
    axes.plot(
        times_s,
        np.where(shown, semitones, np.nan),
        ".-",
        color=color,
        lw=line_width,
        ms=2 * line_width,
        label=label,
        alpha=0.5 if line_width > 2 else 1,
    )


def _label_pitch(axes: Axes, title: str, voiced: NDArray[np.bool_]) -> None:
    axes.set_ylabel("pitch (MIDI semitones)")
    axes.set_title(title, loc="left", fontsize=11, parse_math=False)
    if not voiced.any():
        axes.text(0.5, 0.5, "no voiced frame", transform=axes.transAxes, ha="center", color="gray")


def _draw_confidence(axes: Axes, times_s: Series, confidence: Series, threshold: float) -> None:
    axes.plot(times_s, confidence, color=VARIANT_COLOR, lw=1.2)
    axes.axhline(threshold, color="gray", lw=0.8, ls=":")
    axes.set_ylim(-0.03, 1.03)
    axes.set_ylabel("confidence")
