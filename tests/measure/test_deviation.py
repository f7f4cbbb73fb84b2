"""The deviation against figures worked out by hand, on pitches that float32 holds exactly."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.helpers.frames import frames_of, paired
from workbench.measure.deviation import (
    MIN_TIED_CENTS,
    TIE_MARGIN,
    Deviation,
    PitchDeviation,
    confidence_deviation,
    deviation,
)
from workbench.runtime.session import Frames

PITCH_FIGURES = tuple(name for name in PitchDeviation.model_fields if name != "null_reasons")
CONFIDENCE_FIGURES = ("mean", "p95", "max")
OTHER_FIGURES = ("volume_p95_relative", "voicing_flip_rate")
NOT_FINITE = "1 of 3 voiced frames have no finite pitch"
BELOW_HALF = float(np.nextafter(np.float32(0.5), np.float32(0)))
BELOW_TIE = float(np.nextafter(np.float32(TIE_MARGIN), np.float32(0)))


def shifted(cents: object, margin: object = None) -> tuple[Frames, Frames]:
    """A baseline at middle C and a variant that many cents above it; exact for multiples of 25 / 64 cents."""
    cents = np.asarray(cents, np.float64)
    return frames_of(np.full(cents.shape, 60.0), margin=margin), frames_of(60 + cents / 100)


def of(baseline: Frames, variant: Frames, voiced: object = True, threshold: float = 0.5) -> Deviation:
    return deviation([paired(baseline, variant, voiced)], threshold)


@pytest.mark.parametrize(
    ("cents", "expected"),
    [
        # sizes sorted: 0 25 50 75 100; p95 lies 0.95 * 4 = 3.8 steps up: 75 + 0.8 * 25 = 95
        ([0, -25, 50, -75, 100], {"median_cents": 50, "p95_cents": pytest.approx(95, abs=1e-9), "max_cents": 100}),
        # 75 and 100 are over 50, and 50 is not
        ([0, -25, 50, -75, 100], {"bias_cents": 10, "over_50_cents_rate": 0.4, "octave_rate": 0}),
        ([25, -25], {"median_cents": 25, "bias_cents": 0}),
        *(([cents, 0, 0, 0], {"octave_rate": 0.25}) for cents in (1200, 1150, -1250, -2350, 3600)),
        *(([cents, 0, 0, 0], {"octave_rate": 0}) for cents in (50, 600, 1149.609375, -1250.390625, 1800)),
    ],
)
def test_pitch_figures_worked_out_by_hand(cents: list[float], expected: dict[str, object]) -> None:
    assert of(*shifted(cents)).pitch.model_dump(include=set(expected)) == expected


def test_only_voiced_frames_count() -> None:
    figures = of(*shifted([0, 1200, 25, 600]), voiced=[True, False, True, False]).pitch
    assert (figures.max_cents, figures.bias_cents, figures.octave_rate) == (25.0, 12.5, 0.0)
    unvoiced = of(*shifted([0, 25]), voiced=False)
    assert (unvoiced.frames, unvoiced.voiced_frames) == (2, 0)
    assert unvoiced.pitch.null_reasons == dict.fromkeys(PITCH_FIGURES, "no voiced frame")
    assert (unvoiced.confidence.max, unvoiced.voicing_flip_rate) == (0.0, 0.0)  # these are over all frames


CLEAN, VARIANT, BASELINE = [60, 60, 60], f"{NOT_FINITE} in the variant", f"{NOT_FINITE} in the baseline"


@pytest.mark.parametrize(
    ("baseline", "variant", "voiced", "counts", "pitch_reasons"),
    [
        (CLEAN, [60, np.nan, 60], True, (1, 0), dict.fromkeys(PITCH_FIGURES, VARIANT)),
        (CLEAN, [60, -np.inf, 60], True, (1, 0), dict.fromkeys(PITCH_FIGURES, VARIANT)),
        ([60, np.nan, 60], CLEAN, True, (0, 1), dict.fromkeys(PITCH_FIGURES, BASELINE)),
        (CLEAN, [60, np.nan, 60], [True, False, True], (1, 0), {}),
    ],
    ids=["nan", "-inf", "baseline", "unvoiced"],
)
def test_nonfinite_frames_are_counted_on_their_side(
    baseline: object, variant: object, voiced: object, counts: tuple[int, int], pitch_reasons: dict[str, str]
) -> None:
    figures = of(frames_of(baseline), frames_of(variant), voiced)
    assert (figures.nonfinite_frames, figures.baseline_nonfinite_frames) == counts
    assert figures.pitch.null_reasons == pitch_reasons
    assert figures.null_reasons == dict.fromkeys(OTHER_FIGURES, "1 frames are not finite")


def test_a_nonfinite_frame_is_counted_once_for_any_output() -> None:
    variant = frames_of([np.nan, 60, 60, 60], confidence=[np.nan, np.inf, 0.5, 0.5], volume=[1, 1, np.nan, 1])
    figures = of(frames_of([60, np.nan, 60, 60], [1, 1, 1, np.nan], margin=0), variant)
    for counted in (figures, *figures.clips):
        assert (counted.nonfinite_frames, counted.baseline_nonfinite_frames) == (3, 2)
    assert figures.null_reasons == dict.fromkeys(OTHER_FIGURES, "4 frames are not finite")
    assert figures.tied_frames == ()


def test_confidence_figures_are_null_with_a_reason() -> None:
    broken = confidence_deviation(frames_of([60, 60]), frames_of([60, 60], confidence=[np.nan, 0.5]))
    assert broken.null_reasons == dict.fromkeys(CONFIDENCE_FIGURES, "a confidence is not finite")
    empty = confidence_deviation(frames_of([]), frames_of([]))
    assert empty.null_reasons == dict.fromkeys(CONFIDENCE_FIGURES, "no frame")


def test_confidence_and_volume_are_compared_on_all_frames() -> None:
    baseline = frames_of([60] * 5, confidence=[0, 0.25, 0.5, 0.75, 1], volume=[1, 2, 4, 8, 16])
    variant = frames_of([60] * 5, confidence=[0, 0.5, 0, 0.75, 0], volume=[1, 1, 5, 8, 32])
    figures = of(baseline, variant, voiced=[True, False, False, False, False])
    # both sorted, the volume as |ratio - 1|: 0 0 0.25 0.5 1; p95 lies 3.8 steps up: 0.5 + 0.8 * 0.5
    assert (figures.confidence.mean, figures.confidence.max) == (0.35, 1.0)
    assert (figures.confidence.p95, figures.volume_p95_relative) == pytest.approx((0.9, 0.9), abs=1e-12)


def test_flips_cross_the_threshold() -> None:
    baseline = frames_of([60] * 4, confidence=[0.5, BELOW_HALF, 0.3, 0.9])
    variant = frames_of([60] * 4, confidence=[BELOW_HALF, 0.5, 0.2, 0.9])
    assert of(baseline, variant, voiced=False).voicing_flip_rate == 2 / 4  # the threshold itself is voiced
    assert of(baseline, variant, voiced=False, threshold=0.25).voicing_flip_rate == 1 / 4


@pytest.mark.parametrize(
    ("output", "null", "confidence_nulls"),
    [("confidence", "voicing_flip_rate", CONFIDENCE_FIGURES), ("volume", "volume_p95_relative", ())],
)
def test_an_absent_output_is_null_with_that_reason(output: str, null: str, confidence_nulls: tuple[str, ...]) -> None:
    baseline, variant = shifted([0, 25])
    found = of(baseline, dataclasses.replace(variant, **{output: np.full(2, np.nan, np.float32)}, absent=(output,)))
    reason = f"the program does not return {output} (outputs)"
    assert (found.nonfinite_frames, found.pitch.max_cents) == (0, 25)
    assert found.null_reasons == {null: reason}
    assert found.confidence.null_reasons == dict.fromkeys(confidence_nulls, reason)


def test_only_the_untied_maximum_leaves_tied_frames_out() -> None:
    tied, clear = TIE_MARGIN / 2, TIE_MARGIN * 2
    first = paired(*shifted([25, 0, 300], margin=[clear, tied, tied]), name="a")
    second = paired(*shifted([-100, 50], margin=[tied, clear]), name="b")
    figures = deviation([first, second], 0.5)
    assert [(tie.clip, tie.frame, tie.cents) for tie in figures.tied_frames] == [("a", 2, 300.0), ("b", 0, -100.0)]
    maxima = [(part.pitch.max_cents, part.pitch.max_untied_cents) for part in (figures, *figures.clips)]
    assert maxima == [(300, 50), (300, 25), (100, 50)]
    assert figures.pitch.bias_cents == 55.0  # (25 + 0 + 300 - 100 + 50) / 5
    without_margins = paired(*shifted([25]), name="c")
    assert deviation([first, second, without_margins], 0.5).tied_frames == figures.tied_frames


@pytest.mark.parametrize(
    ("cents", "margin", "voiced", "tied", "max_untied"),
    [
        ([300, 0], 0, [False, True], [], 0),  # unvoiced
        ([300, 200], [TIE_MARGIN, BELOW_TIE], True, [1], 300),  # a margin at the limit is no tie
        ([MIN_TIED_CENTS / 2, 0], 0, True, [], MIN_TIED_CENTS / 2),  # the tie falls the same way
        ([300, 0], None, True, [], 300),  # without margins nothing is excused
        ([300, -200], 0, True, [0, 1], None),  # nothing is left
    ],
)
def test_which_frames_are_tied(
    cents: object, margin: object, voiced: object, tied: list[int], max_untied: float | None
) -> None:
    figures = of(*shifted(cents, margin=margin), voiced=voiced)
    assert [tie.frame for tie in figures.tied_frames] == tied
    assert figures.pitch.max_untied_cents == (max_untied and pytest.approx(max_untied, abs=1e-3))
    assert ("max_untied_cents" in figures.pitch.null_reasons) == (max_untied is None)


def test_frames_are_pooled_and_clips_have_their_figures() -> None:
    clips = [
        paired(*shifted([25] * 9), name="long"),
        paired(*shifted([225, 1200]), voiced=[True, False], name="short", voiced_by="baseline confidence"),
    ]
    figures = deviation(clips, 0.5)
    assert figures.pitch.median_cents == 25.0  # of ten frames; the mean of two medians is 125
    assert (figures.pitch.bias_cents, figures.pitch.over_50_cents_rate) == (45.0, 0.1)
    assert (figures.frames, figures.voiced_frames) == (11, 10)
    figures = deviation([*clips, paired(frames_of([60]), frames_of([np.nan]), name="broken")], 0.5)
    assert [(c.name, c.voiced_by, c.frames, c.voiced_frames, c.pitch.median_cents) for c in figures.clips] == [
        ("long", "known f0", 9, 9, 25.0),
        ("short", "baseline confidence", 2, 1, 225.0),
        ("broken", "known f0", 1, 1, None),
    ]


PITCHES = arrays(np.float32, st.integers(1, 40), elements=st.floats(20, 100, width=32))
CENTS = arrays(np.float64, st.integers(1, 40), elements=st.floats(-5000, 5000))


@settings(max_examples=50, deadline=None)
@given(pitch=PITCHES, confidence=st.floats(0, 1, width=32), volume=st.floats(2**-20, 100, width=32))
def test_identical_frames_do_not_deviate(pitch: np.ndarray, confidence: float, volume: float) -> None:
    same = frames_of(pitch, confidence, volume, margin=0)
    figures = of(same, same)
    assert {getattr(figures.pitch, name) for name in PITCH_FIGURES} == {0.0}
    assert {getattr(figures.confidence, name) for name in CONFIDENCE_FIGURES} == {0.0}
    assert {getattr(figures, name) for name in OTHER_FIGURES} == {0.0}
    assert (figures.nonfinite_frames, figures.tied_frames) == (0, ())


@settings(max_examples=50, deadline=None)
@given(cents=CENTS, seed=st.integers(0, 2**32 - 1))
def test_reordering_and_swapping_sides_only_turns_the_bias(cents: np.ndarray, seed: int) -> None:
    baseline, variant = shifted(cents)
    order = np.random.default_rng(seed).permutation(len(cents))
    swapped = of(frames_of(variant.pitch_semitones[order]), frames_of(baseline.pitch_semitones[order])).pitch
    figures = of(baseline, variant).pitch
    assert swapped.bias_cents == pytest.approx(-figures.bias_cents, abs=1e-6)
    for name in set(PITCH_FIGURES) - {"bias_cents"}:
        assert getattr(swapped, name) == getattr(figures, name)
    assert 0 <= figures.octave_rate <= figures.over_50_cents_rate <= 1
    assert 0 <= figures.median_cents <= figures.p95_cents <= figures.max_cents
    assert abs(figures.bias_cents) <= figures.max_cents * (1 + 1e-12)
