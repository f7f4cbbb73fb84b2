"""Pitch units. MIDI semitones: A4 = 69 = 440 Hz, 100 cents to the semitone, as upstream PESTO counts them."""

import numpy as np
from numpy.typing import NDArray

CENTS_PER_SEMITONE = 100.0
A4_HZ = 440.0
A4_SEMITONES = 69.0


def semitones_to_hz(semitones: NDArray[np.floating]) -> NDArray[np.float64]:
    """MIDI semitones (any shape) to hertz, float64."""
    return np.asarray(A4_HZ * 2.0 ** ((np.asarray(semitones, np.float64) - A4_SEMITONES) / 12.0))


def hz_to_semitones(hz: NDArray[np.floating]) -> NDArray[np.float64]:
    """Hertz (any shape) to MIDI semitones, float64; NaN where hz is not positive (an unvoiced frame has no pitch)."""
    hz = np.asarray(hz, np.float64)
    positive = np.where(hz > 0, hz, np.nan)
    return np.asarray(A4_SEMITONES + 12.0 * np.log2(positive / A4_HZ))
