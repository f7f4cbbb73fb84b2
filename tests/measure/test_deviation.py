"""The deviation against figures worked out by hand, on pitches that float32 holds exactly."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from workbench.measure.deviation import (
    NAMED_FROM_CENTS,
    TIE_MARGIN,
    Deviation,
    PairedFrames,
    confidence_deviation,
    deviation,
    pitch_deviation,
)
from workbench.runtime.session import Frames

PITCH_FIGURES = (
    "median_cents",
    "p95_cents",
    "max_cents",
    "max_untied_cents",
    "bias_cents",
    "over_50_cents_rate",
    "octave_rate",
)
BELOW_HALF = float(np.nextafter(np.float32(0.5), np.float32(0)))


def frames(pitch: object, confidence: object = 0.75, volume: object = 1.0, margin: object = None) -> Frames:
    """Scalars stand for every frame."""
    shape = np.shape(pitch)
    return Frames(
        np.asarray(pitch, np.float32),
        np.broadcast_to(np.asarray(confidence, np.float32), shape).copy(),
        np.broadcast_to(np.asarray(volume, np.float32), shape).copy(),
        None if margin is None else np.broadcast_to(np.asarray(margin, np.float32), shape).copy(),
    )


def apart(cents: object, **baseline: object) -> tuple[Frames, Frames]:
    """A baseline at middle C and a variant that many cents above it; exact for multiples of 25 / 64 cents."""
    cents = np.asarray(cents, np.float64)
    return frames(np.full(cents.shape, 60.0), **baseline), frames(60 + cents / 100)


def rolls(
    baseline: Frames, variant: Frames, voiced: object = True, name: str = "sung/a", voiced_by: str = "known f0"
) -> PairedFrames:
    return PairedFrames(name, baseline, variant, np.broadcast_to(voiced, (len(baseline),)).astype(bool), voiced_by)


def pitch_of(cents: object) -> dict[str, object]:
    baseline, variant = apart(cents)
    return pitch_deviation(baseline, variant, np.ones(len(baseline), bool)).model_dump()


def of(baseline: Frames, variant: Frames, voiced: object = True, threshold: float = 0.5) -> Deviation:
    return deviation([rolls(baseline, variant, voiced)], threshold)


class TestPitch:
    def test_figures_of_hand_worked_cents(self) -> None:
        # sizes sorted: 0 25 50 75 100; p95 lies 0.95 * 4 = 3.8 steps up: 75 + 0.8 * 25 = 95; signed sum -50
        figures = pitch_of([0, -25, 50, -75, 100])
        assert figures == {
            "null_reasons": {},
            "median_cents": 50.0,
            "p95_cents": pytest.approx(95.0, abs=1e-9),
            "max_cents": 100.0,
            "max_untied_cents": 100.0,
            "bias_cents": 10.0,  # (0 - 25 + 50 - 75 + 100) / 5
            "over_50_cents_rate": 0.4,  # 75 and 100: 50 is not over 50
            "octave_rate": 0.0,
        }

    @pytest.mark.parametrize(("cents", "bias"), [([25, 25, 25], 25.0), ([-25, -25, -25], -25.0), ([25, -25], 0.0)])
    def test_a_variant_above_the_baseline_has_a_positive_bias(self, cents: list[float], bias: float) -> None:
        assert pitch_of(cents)["bias_cents"] == bias
        assert pitch_of(cents)["median_cents"] == 25.0

    def test_an_even_count_takes_the_mean_of_the_middle_two(self) -> None:
        assert pitch_of([0, 25, 75, 400])["median_cents"] == 50.0

    @pytest.mark.parametrize("cents", [1200, -1200, 1150, 1250, -1150, -1250, 2400, -2350, 3600])
    def test_octave_jumps(self, cents: float) -> None:
        assert pitch_of([cents, 0, 0, 0])["octave_rate"] == 0.25

    @pytest.mark.parametrize("cents", [0, 50, -50, 600, -600, 1140, 1149.609375, 1250.390625, 1260, 1800, 1900, 2340])
    def test_what_is_not_an_octave_jump(self, cents: float) -> None:
        assert pitch_of([cents, 0, 0, 0])["octave_rate"] == 0.0

    def test_only_voiced_frames_count(self) -> None:
        baseline, variant = apart([0, 1200, 25, 600])
        figures = pitch_deviation(baseline, variant, np.array([True, False, True, False]))
        assert (figures.max_cents, figures.bias_cents, figures.octave_rate) == (25.0, 12.5, 0.0)

    def test_no_voiced_frame_is_null_and_not_zero(self) -> None:
        figures = of(*apart([0, 25]), voiced=False)
        assert figures.voiced_frames == 0 and figures.frames == 2
        assert {name: getattr(figures.pitch, name) for name in PITCH_FIGURES} == dict.fromkeys(PITCH_FIGURES)
        assert figures.pitch.null_reasons == dict.fromkeys(PITCH_FIGURES, "no voiced frame")
        assert figures.confidence.max == 0.0 and figures.voicing_flip_rate == 0.0  # these are over all frames

    @pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
    def test_a_pitch_that_is_not_finite_takes_the_figures_with_it(self, broken: float) -> None:
        figures = of(frames([60, 60, 60]), frames([60, broken, 60]))
        assert figures.nonfinite_frames == 1
        assert figures.pitch.null_reasons == dict.fromkeys(PITCH_FIGURES, "1 of 3 voiced frames have no finite pitch")
        assert all(getattr(figures.pitch, name) is None for name in PITCH_FIGURES)

    def test_a_pitch_that_is_not_finite_where_nobody_sings_is_counted_and_leaves_the_pitch_figures(self) -> None:
        figures = of(frames([60, 60, 60]), frames([60.25, np.nan, 60.25]), voiced=[True, False, True])
        assert figures.nonfinite_frames == 1
        assert figures.pitch.max_cents == 25.0

    def test_a_baseline_that_is_not_finite_is_no_fault_of_the_variant_and_gives_no_figure(self) -> None:
        figures = of(frames([60, np.nan, 60]), frames([60, 60, 60]))
        assert (figures.nonfinite_frames, figures.baseline_nonfinite_frames) == (0, 1)
        reason = "1 of 3 voiced frames have no finite pitch in the baseline"
        assert figures.pitch.null_reasons == dict.fromkeys(PITCH_FIGURES, reason)
        assert (figures.voicing_flip_rate, figures.volume_p95_relative) == (None, None)

    def test_sides_that_are_both_not_finite_are_counted_each(self) -> None:
        figures = of(frames([60, np.nan, np.nan]), frames([60, np.nan, 60], volume=[np.inf, 1, 1]))
        assert (figures.nonfinite_frames, figures.baseline_nonfinite_frames) == (2, 2)
        clip = figures.clips[0]
        assert (clip.nonfinite_frames, clip.baseline_nonfinite_frames) == (2, 2)

    def test_a_baseline_whose_confidence_is_no_number_is_counted_where_it_makes_no_frame_voiced(self) -> None:
        baseline = frames([60, 60], confidence=[np.nan, 0.75])
        figures = of(baseline, frames([72, 60]), voiced=baseline.confidence >= 0.5)
        assert (figures.voiced_frames, figures.pitch.max_cents, figures.baseline_nonfinite_frames) == (1, 0.0, 1)
        assert figures.confidence.max is None


class TestConfidenceAndVolume:
    def test_confidence_over_all_frames(self) -> None:
        baseline = frames([60] * 5, confidence=[0, 0.25, 0.5, 0.75, 1])
        variant = frames([60] * 5, confidence=[0, 0.5, 0, 0.75, 0])
        figures = of(baseline, variant, voiced=[True, False, False, False, False]).confidence
        # sizes sorted: 0 0 0.25 0.5 1; p95 lies 3.8 steps up: 0.5 + 0.8 * 0.5
        assert (figures.mean, figures.max) == (0.35, 1.0)
        assert figures.p95 == pytest.approx(0.9, abs=1e-12)

    @pytest.mark.parametrize(
        ("before", "after", "flips"),
        [(0.5, 0.5, 0), (0.5, BELOW_HALF, 1), (BELOW_HALF, 0.5, 1), (BELOW_HALF, 0, 0), (0.5, 0.9, 0), (0.9, 0.1, 1)],
    )
    def test_flips_at_the_edge_of_the_threshold_which_is_voiced_itself(
        self, before: float, after: float, flips: int
    ) -> None:
        baseline, variant = frames([60, 60], confidence=[before, 0.9]), frames([60, 60], confidence=[after, 0.9])
        assert of(baseline, variant).voicing_flip_rate == flips / 2

    def test_flips_are_of_all_frames_and_of_the_threshold_that_is_given(self) -> None:
        baseline, variant = frames([60, 60], confidence=[0.3, 0.3]), frames([60, 60], confidence=[0.2, 0.3])
        assert of(baseline, variant, voiced=False, threshold=0.25).voicing_flip_rate == 0.5
        assert of(baseline, variant, voiced=False, threshold=0.5).voicing_flip_rate == 0.0

    def test_volume_is_relative_to_the_baseline(self) -> None:
        baseline = frames([60] * 5, volume=[1, 2, 4, 8, 16])
        variant = frames([60] * 5, volume=[1, 1, 5, 8, 32])
        # |ratio - 1| sorted: 0 0 0.25 0.5 1; p95 = 0.5 + 0.8 * 0.5
        assert of(baseline, variant).volume_p95_relative == pytest.approx(0.9, abs=1e-12)

    @pytest.mark.parametrize("output", ["confidence", "volume"])
    def test_an_output_that_the_program_does_not_return_is_null_with_that_reason(self, output: str) -> None:
        baseline, variant = apart([0, 25])
        silent = dataclasses.replace(variant, **{output: np.full(2, np.nan, np.float32)}, absent=(output,))
        found = of(baseline, silent)
        reason = f"the program does not return {output} (outputs)"
        assert found.nonfinite_frames == 0
        assert found.pitch.max_cents == 25
        if output == "volume":
            assert found.null_reasons == {"volume_p95_relative": reason}
            assert found.confidence.max == 0
        else:
            assert found.null_reasons == {"voicing_flip_rate": reason}
            assert found.confidence.null_reasons == dict.fromkeys(("mean", "p95", "max"), reason)
            assert found.volume_p95_relative == 0

    @pytest.mark.parametrize("broken", ["pitch", "confidence", "volume"])
    def test_any_output_that_is_not_finite_is_counted_once_for_its_frame(self, broken: str) -> None:
        values = {"pitch": [60.0] * 3, "confidence": [0.5] * 3, "volume": [1.0] * 3}
        values[broken] = [values[broken][0], np.nan, np.inf]
        figures = of(frames([60] * 3), frames(**values))
        assert figures.nonfinite_frames == 2
        assert figures.voicing_flip_rate is None and figures.volume_p95_relative is None
        reasons = dict.fromkeys(("volume_p95_relative", "voicing_flip_rate"), "2 frames are not finite")
        assert figures.null_reasons == reasons

    def test_a_confidence_that_is_not_finite(self) -> None:
        figures = confidence_deviation(frames([60, 60]), frames([60, 60], confidence=[np.nan, 0.5]))
        assert (figures.mean, figures.p95, figures.max) == (None, None, None)
        assert figures.null_reasons == dict.fromkeys(("mean", "p95", "max"), "a confidence is not finite")

    def test_no_frame_at_all(self) -> None:
        figures = confidence_deviation(frames([]), frames([]))
        assert figures.null_reasons == dict.fromkeys(("mean", "p95", "max"), "no frame")


class TestTies:
    def test_a_tied_frame_is_named_and_left_out_of_the_untied_maximum_alone(self) -> None:
        tied, clear = TIE_MARGIN / 2, TIE_MARGIN * 2
        first = rolls(*apart([25, 0, 300], margin=[clear, tied, tied]), name="sung/a")
        second = rolls(*apart([-100, 50], margin=[tied, clear]), name="sung/b")
        figures = deviation([first, second], 0.5)
        assert [(tie.clip, tie.frame, tie.cents) for tie in figures.tied_frames] == [
            ("sung/a", 2, 300.0),
            ("sung/b", 0, -100.0),
        ]
        assert (figures.pitch.max_cents, figures.pitch.max_untied_cents) == (300.0, 50.0)
        assert [(c.pitch.max_cents, c.pitch.max_untied_cents) for c in figures.clips] == [(300, 25), (100, 50)]
        assert figures.pitch.bias_cents == 55.0  # (25 + 0 + 300 - 100 + 50) / 5: a tie still counts everywhere else

    def test_a_tie_in_an_unvoiced_frame_is_not_named(self) -> None:
        assert of(*apart([300, 0], margin=0), voiced=[False, True]).tied_frames == ()

    def test_a_margin_at_the_limit_is_no_tie(self) -> None:
        margin = np.array([TIE_MARGIN, np.nextafter(np.float32(TIE_MARGIN), np.float32(0))], np.float32)
        figures = of(*apart([300, 200], margin=margin))
        assert [tie.frame for tie in figures.tied_frames] == [1]
        assert figures.pitch.max_untied_cents == 300.0

    def test_a_tie_that_falls_the_same_way_is_not_named(self) -> None:
        below = NAMED_FROM_CENTS / 2
        figures = of(*apart([below, 0], margin=0))
        assert figures.tied_frames == ()
        assert figures.pitch.max_untied_cents == figures.pitch.max_cents == pytest.approx(below, abs=1e-3)

    def test_no_frame_that_is_not_tied(self) -> None:
        figures = of(*apart([300, -200], margin=0)).pitch
        assert (figures.max_cents, figures.max_untied_cents) == (300.0, None)
        assert figures.null_reasons == {"max_untied_cents": "every voiced frame is tied"}

    def test_without_margins_nothing_is_excused(self) -> None:
        figures = of(*apart([300, 0]))
        assert figures.tied_frames == () and figures.pitch.max_untied_cents == 300.0

    def test_the_margins_of_the_variant_excuse_nothing(self) -> None:
        figures = of(frames([60, 60]), frames([63, 60], margin=0))
        assert figures.tied_frames == () and figures.pitch.max_untied_cents == 300.0

    def test_clips_without_margins_leave_the_others_their_ties(self) -> None:
        figures = deviation([rolls(*apart([300], margin=0)), rolls(*apart([25]), name="sung/b")], 0.5)
        assert [tie.clip for tie in figures.tied_frames] == ["sung/a"]
        assert figures.clips[0].pitch.max_untied_cents is None

    @pytest.mark.parametrize(
        "broken",
        [
            np.nan,
            np.inf,
        ],
    )
    def test_a_tied_frame_whose_pitch_is_not_finite_is_a_frame_that_is_not_finite(self, broken: float) -> None:
        figures = of(frames([60, 60], margin=0), frames([broken, 60]))
        assert figures.nonfinite_frames == 1 and figures.tied_frames == ()
        assert figures.pitch.null_reasons["max_cents"] == "1 of 2 voiced frames have no finite pitch"


class TestClips:
    def test_frames_are_pooled_and_not_figures_averaged(self) -> None:
        long, short = rolls(*apart([25] * 9), name="sung/long"), rolls(*apart([225]), name="sung/short")
        figures = deviation([long, short], 0.5)
        assert figures.pitch.median_cents == 25.0  # of ten frames; the mean of two medians is 125
        assert figures.pitch.bias_cents == 45.0
        assert figures.pitch.over_50_cents_rate == 0.1
        assert (figures.frames, figures.voiced_frames) == (10, 10)

    def test_each_clip_has_its_own_figures_in_the_order_given(self) -> None:
        first = rolls(*apart([25, 1200, 75]), voiced=[True, False, True], name="sung/a", voiced_by="known f0")
        second = rolls(*apart([0, 0]), voiced=False, name="sung/b", voiced_by="baseline confidence")
        clips = deviation([first, second], 0.5).clips
        assert [(c.name, c.voiced_by, c.frames, c.voiced_frames) for c in clips] == [
            ("sung/a", "known f0", 3, 2),
            ("sung/b", "baseline confidence", 2, 0),
        ]
        assert clips[0].pitch.median_cents == 50.0
        assert clips[1].pitch.median_cents is None
        assert clips[1].pitch.null_reasons["median_cents"] == "no voiced frame"

    def test_a_broken_clip_leaves_the_figures_of_the_others(self) -> None:
        sound, broken = rolls(*apart([25])), rolls(frames([60]), frames([np.nan]), name="sung/b")
        figures = deviation([sound, broken], 0.5)
        assert figures.pitch.max_cents is None and figures.nonfinite_frames == 1
        assert [clip.pitch.max_cents for clip in figures.clips] == [25.0, None]
        assert [clip.nonfinite_frames for clip in figures.clips] == [0, 1]

    def test_a_clip_without_voiced_frames_adds_none(self) -> None:
        figures = deviation([rolls(*apart([0])), rolls(*apart([0]), voiced=False, name="sung/b")], 0.5)
        assert figures.pitch.max_cents == 0.0  # a deviation of zero where there is a frame to say so
        assert (figures.frames, figures.voiced_frames) == (2, 1)


PITCHES = arrays(np.float32, st.integers(1, 40), elements=st.floats(20, 100, width=32))
CENTS = arrays(np.float64, st.integers(1, 40), elements=st.floats(-5000, 5000))


class TestProperties:
    @settings(max_examples=50, deadline=None)
    @given(pitch=PITCHES, confidence=st.floats(0, 1, width=32), volume=st.floats(2**-20, 100, width=32))
    def test_identical_rolls_do_not_deviate(self, pitch: np.ndarray, confidence: float, volume: float) -> None:
        same = frames(pitch, confidence, volume, margin=0)
        figures = of(same, same)
        assert {getattr(figures.pitch, name) for name in PITCH_FIGURES} == {0.0}
        assert (figures.confidence.mean, figures.confidence.p95, figures.confidence.max) == (0, 0, 0)
        assert (figures.voicing_flip_rate, figures.volume_p95_relative, figures.nonfinite_frames) == (0, 0, 0)
        assert figures.tied_frames == ()

    @settings(max_examples=50, deadline=None)
    @given(pitch=PITCHES, cents=st.floats(-3000, 3000))
    def test_a_shift_of_every_pitch_is_the_bias(self, pitch: np.ndarray, cents: float) -> None:
        figures = of(frames(pitch), frames(pitch.astype(np.float64) + cents / 100)).pitch
        rounding = 100 * 2.0**-16  # cents, of a float32 semitone below 256
        assert figures.bias_cents == pytest.approx(cents, abs=rounding)
        for name in ("median_cents", "p95_cents", "max_cents", "max_untied_cents"):
            assert getattr(figures, name) == pytest.approx(abs(cents), abs=rounding)

    @settings(max_examples=50, deadline=None)
    @given(cents=CENTS)
    def test_figures_keep_their_order_and_rates_are_rates(self, cents: np.ndarray) -> None:
        figures = pitch_of(cents)
        assert 0 <= figures["octave_rate"] <= figures["over_50_cents_rate"] <= 1
        assert 0 <= figures["median_cents"] <= figures["p95_cents"] <= figures["max_cents"]
        assert abs(figures["bias_cents"]) <= figures["max_cents"] * (1 + 1e-12)

    @settings(max_examples=50, deadline=None)
    @given(cents=CENTS, seed=st.integers(0, 2**32 - 1))
    def test_the_order_of_frames_and_which_side_is_which_only_turn_the_bias(self, cents: np.ndarray, seed: int) -> None:
        baseline, variant = apart(cents)
        order = np.random.default_rng(seed).permutation(len(cents))
        turned = of(frames(variant.pitch_semitones[order]), frames(baseline.pitch_semitones[order])).pitch
        figures = of(baseline, variant).pitch
        assert turned.bias_cents == pytest.approx(-figures.bias_cents, abs=1e-6)
        for name in set(PITCH_FIGURES) - {"bias_cents"}:
            assert getattr(turned, name) == getattr(figures, name)
