"""Pitch units against the MIDI tuning standard's own table of notes."""

import mir_eval
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.units import ceil_div, cents_between, cents_to_hz, hz_to_semitones, semitones_to_hz

# Equal temperament at A4 = 440 Hz, as printed in any table of note frequencies.
NOTES = {21: 27.5, 45: 110.0, 57: 220.0, 60: 261.6255653, 69: 440.0, 70: 466.1637615, 81: 880.0, 108: 4186.0090448}


@pytest.mark.parametrize(("semitones", "hz"), NOTES.items())
def test_notes_of_the_printed_table(semitones: int, hz: float) -> None:
    assert semitones_to_hz(np.array([semitones])) == pytest.approx([hz], rel=1e-9)
    assert hz_to_semitones(np.array([hz])) == pytest.approx([semitones], abs=1e-8)


@pytest.mark.filterwarnings("error")
def test_what_has_no_positive_frequency_has_no_pitch_and_no_warning() -> None:
    semitones = hz_to_semitones(np.array([0.0, -440.0, np.nan, 440.0]))
    assert np.isnan(semitones).tolist() == [True, True, True, False]


def test_single_precision_is_widened_before_it_is_converted_and_shape_is_kept() -> None:
    pitch = np.array([[60.25, 61.5], [69.0, 30.125]], np.float32)  # exact in float32
    hz = semitones_to_hz(pitch)
    assert hz.dtype == np.float64 and hz.shape == (2, 2)
    assert hz_to_semitones(hz) == pytest.approx(pitch.astype(np.float64), abs=1e-12)


@given(st.floats(10, 5000))
def test_cents_are_those_of_mir_eval(hz: float) -> None:
    assert cents_to_hz(mir_eval.melody.hz2cents(np.array([hz])))[0] == pytest.approx(hz, rel=1e-9)


def test_cents_between_is_signed_and_widens_single_precision() -> None:
    pitch, reference = np.array([60.5, 59.5, np.nan], np.float32), np.array([60.0], np.float32)
    cents = cents_between(pitch, reference)
    assert cents.dtype == np.float64
    np.testing.assert_array_equal(cents, [50.0, -50.0, np.nan])


@given(st.integers(0, 10**30), st.integers(1, 10**6))
def test_ceil_div_is_the_least_multiple_that_covers(dividend: int, divisor: int) -> None:
    quotient = ceil_div(dividend, divisor)
    assert (quotient - 1) * divisor < dividend <= quotient * divisor
