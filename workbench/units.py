"""Pitch units. MIDI semitones: A4 = 69 = 440 Hz, 100 cents to the semitone, as upstream PESTO counts them."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

CENTS_PER_SEMITONE = 100.0
A4_HZ = 440.0
A4_SEMITONES = 69.0
CENTS_ORIGIN_HZ = 10.0


def semitones_to_hz(semitones: NDArray[np.floating]) -> NDArray[np.float64]:
    """Converts MIDI semitones (any shape) to hertz, float64."""
    return np.asarray(A4_HZ * 2.0 ** ((np.asarray(semitones, np.float64) - A4_SEMITONES) / 12.0))


def hz_to_semitones(hz: NDArray[np.floating]) -> NDArray[np.float64]:
    """Converts hertz (any shape) to MIDI semitones, float64. Values that are not positive have no pitch: NaN."""
    hz = np.asarray(hz, np.float64)
    positive = np.where(hz > 0, hz, np.nan)
    return np.asarray(A4_SEMITONES + 12.0 * np.log2(positive / A4_HZ))


def cents_to_hz(cents: NDArray[np.floating]) -> NDArray[np.float64]:
    """Converts cents above 10 Hz (any shape) to hertz, float64, as `mir_eval.melody.hz2cents` and CREPE count them."""
    return np.asarray(CENTS_ORIGIN_HZ * 2.0 ** (np.asarray(cents, np.float64) / 1200.0))


def cents_between(semitones: ArrayLike, reference_semitones: ArrayLike) -> NDArray[np.float64]:
    """Returns the signed deviation in cents, float64: positive if `semitones` is above `reference_semitones`.

    Args:
        semitones: MIDI semitones, any shape.
        reference_semitones: MIDI semitones, of a shape that broadcasts with it.
    """
    difference = np.asarray(semitones, np.float64) - np.asarray(reference_semitones, np.float64)
    return np.asarray(difference * CENTS_PER_SEMITONE)


def ceil_div(dividend: int, divisor: int) -> int:
    """Returns dividend / divisor, rounded up. Exact for integers of any size, unlike math.ceil of a quotient."""
    return -(-dividend // divisor)
