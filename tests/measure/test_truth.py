"""Accuracy against mir_eval's own melody evaluation; delays and thresholds known because they were put in."""

import dataclasses
from pathlib import Path

import mir_eval
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.frames import frames_of
from workbench.audio.annotations import PitchTrack
from workbench.audio.decode import Clip
from workbench.measure.truth import Alignment, accuracy, fit_alignment, reference_hz, truth
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.session import Frames

RATE_HZ = 48_000
STREAM = StreamConfig(RATE_HZ, 480, 1, 1.0)  # frames end 10, 20, 30 ... ms
FIGURES = {
    "rpa50": "Raw Pitch Accuracy",
    "rca50": "Raw Chroma Accuracy",
    "voicing_recall": "Voicing Recall",
    "voicing_false_alarm": "Voicing False Alarm",
    "overall": "Overall Accuracy",
}
SCORES = ("baseline", "variant", "baseline_at_best", "variant_at_best")
NO_F0 = dict.fromkeys((*SCORES, "rpa50_change"), "no scored clip has a known f0")
NO_DELAY = {"delay_ms": "no calibration clip has a known, voiced f0"}
NO_BEST = {"best_threshold": "the calibration clips do not have both voiced and unvoiced frames of known f0"}
UNVOICED = pytest.mark.filterwarnings("ignore:Reference melody has no voiced frames")


def frames(hz: object, confidence: object = 1.0) -> Frames:
    return frames_of(69 + 12 * np.log2(np.asarray(hz, np.float64) / 440), confidence)


def clip(track: PitchTrack | None, name: str = "a") -> Clip:
    return Clip(name, Path(f"{name}.wav"), "0" * 64, RATE_HZ, np.zeros(RATE_HZ, np.float32), RATE_HZ, 1, track)


def sung_hz(times_s: np.ndarray) -> np.ndarray:
    """A glide with vibrato, sung between 0.3 and 2.7 s: f0 as a formula, known at any moment."""
    hz = 220 * 2 ** (times_s / 3 + 0.05 * np.sin(2 * np.pi * 5 * times_s))
    return np.where((times_s >= 0.3) & (times_s < 2.7), hz, 0.0)


def late_frames(lag_ms: float, confident: float = 0.8, doubtful: float = 0.2) -> Frames:
    """The output of a perfect estimator that describes the audio `lag_ms` before the end of each hop."""
    hz = sung_hz(np.arange(1, 301) * 0.010 - lag_ms / 1000)
    return frames(np.where(hz > 0, hz, 100.0), np.where(hz > 0, confident, doubtful))


def held(hz: object) -> PitchTrack:
    """One value for each frame of STREAM, at the end of its hop."""
    hz = np.asarray(hz, np.float64)
    return PitchTrack(np.arange(1, len(hz) + 1) * 0.010, hz)


SUNG = clip(PitchTrack(np.arange(601) * 0.005, sung_hz(np.arange(601) * 0.005)))


class TestAccuracy:
    def test_ten_frames_counted_by_hand(self) -> None:
        known = np.array([440.0] * 6 + [0.0] * 4)
        cents_off = np.array([0, 49, -49, 51, 1200, 600, 0, 0, 0, 0])
        confidence = np.array([0.9, 0.5, 0.1, 0.9, 0.9, 0.9, 0.5, 0.4, 0.1, 0.1])
        figures = accuracy(known, frames(440 * 2 ** (cents_off / 1200), confidence), 0.5)
        assert figures.rpa50 == pytest.approx(3 / 6)  # 0, 49 and -49, the last one below the threshold
        assert figures.rca50 == pytest.approx(4 / 6)  # and the octave
        assert figures.voicing_recall == pytest.approx(5 / 6)
        assert figures.voicing_false_alarm == pytest.approx(1 / 4)  # the threshold itself is voiced
        assert figures.overall == pytest.approx((2 + 3) / 10)  # right and voiced, and rightly unvoiced

    @settings(max_examples=40, deadline=None)
    @given(seed=st.integers(0, 2**32 - 1), count=st.integers(4, 60), threshold=st.sampled_from([0.25, 0.5, 0.75]))
    def test_equals_mir_evals_evaluation(self, seed: int, count: int, threshold: float) -> None:
        """mir_eval.melody.evaluate takes signed hertz (negative: unvoiced) and resamples by itself."""
        generator = np.random.default_rng(seed)
        known = np.where(generator.random(count) < 0.6, generator.uniform(80, 800, count), 0.0)
        known[:2] = 0, 300
        off = generator.choice([0, 20, 45, 60, -30, 1200, -1170, 600], count)
        estimate = frames(np.where(known > 0, known, 200) * 2 ** (off / 1200), generator.choice([0.1, 0.4, 0.9], count))
        estimate.confidence[0] = 1.0  # mir_eval warns if nothing is voiced
        hz = 440 * 2 ** ((estimate.pitch_semitones.astype(np.float64) - 69) / 12)
        times_s = np.arange(count) * 0.010
        signed_hz = np.where(estimate.confidence >= threshold, hz, -hz)
        expected = mir_eval.melody.evaluate(times_s, known, times_s, signed_hz)
        figures = accuracy(known, estimate, threshold)
        for name, mir_eval_name in FIGURES.items():
            assert getattr(figures, name) == pytest.approx(expected[mir_eval_name])

    @UNVOICED
    @pytest.mark.parametrize(
        ("known", "absent", "nulls", "reason"),
        [
            ([220, 220, 220], (), ("voicing_false_alarm",), "every frame is voiced"),
            ([0, 0, 0], (), ("rpa50", "rca50", "voicing_recall"), "no frame is voiced"),
            (
                [220, 220, 0],
                ("confidence",),
                ("voicing_recall", "voicing_false_alarm", "overall"),
                "the program does not return confidence (outputs)",
            ),
        ],
    )
    def test_a_figure_without_frames_is_null(
        self, known: list[float], absent: tuple[str, ...], nulls: tuple[str, ...], reason: str
    ) -> None:
        estimate = dataclasses.replace(frames([220, 440, 220], np.nan if absent else [0.9, 0.1, 0.9]), absent=absent)
        figures = accuracy(np.array(known, float), estimate, 0.5)
        assert figures.null_reasons == dict.fromkeys(nulls, reason)
        if absent:
            assert (figures.rpa50, figures.rca50) == (0.5, 1.0)

    @pytest.mark.parametrize(
        "estimate",
        [frames_of([]), frames_of([69, np.nan]), frames_of([69, -np.inf]), frames_of([69, 69], [np.nan, 1])],
        ids=["no frame", "pitch nan", "pitch inf", "confidence nan"],
    )
    def test_frames_without_finite_values_have_none(self, estimate: Frames) -> None:
        assert accuracy(np.array([440.0, 0.0])[: len(estimate)], estimate, 0.5) is None


@pytest.mark.parametrize(
    ("count", "stream", "delay_ms", "expected"),
    [
        (5, STREAM, 0, [0, 300, 400, 500, 0]),  # after the track: unvoiced
        (4, STREAM, 20, [0, 100, 0, 300]),  # before it: unvoiced
        (2, STREAM, -15, [(300 * 400) ** 0.5, (400 * 500) ** 0.5]),  # between annotations: the geometric mean
        (2, StreamConfig(RATE_HZ, 960, 2, 1.0), 0, [300, 500]),  # each frame of a chunk ends with its hop
    ],
)
def test_reference_is_f0_a_delay_before_frame_ends(
    count: int, stream: StreamConfig, delay_ms: float, expected: list[float]
) -> None:
    track = PitchTrack(np.arange(5) * 0.01, np.array([100.0, 0, 300, 400, 500]))
    assert reference_hz(track, count, stream, delay_ms) == pytest.approx(expected)


class TestAlign:
    @pytest.mark.parametrize("lag_ms", [0, 47, 150])
    def test_finds_the_lag_that_was_put_in(self, lag_ms: float) -> None:
        assert fit_alignment([(SUNG, late_frames(lag_ms))], STREAM).delay_ms == pytest.approx(lag_ms, abs=1)

    @pytest.mark.parametrize("error", [12, -12, np.nan])
    def test_octave_errors_and_broken_frames_do_not_move_it(self, error: float) -> None:
        late = late_frames(47)
        late.pitch_semitones[::5] += error
        late.confidence[::7] = np.nan
        assert fit_alignment([(SUNG, late)], STREAM).delay_ms == pytest.approx(47, abs=1)

    def test_clips_without_known_f0_are_ignored(self) -> None:
        known = SUNG, late_frames(47)
        assert fit_alignment([(clip(None), frames([50.0] * 300)), known], STREAM) == fit_alignment([known], STREAM)

    @pytest.mark.parametrize(("doubtful", "confident"), [(0.2, 0.8), (0.05, 0.12), (0.85, 0.95)])
    def test_the_threshold_lies_between_two_clusters(self, doubtful: float, confident: float) -> None:
        best = fit_alignment([(SUNG, late_frames(47, confident, doubtful))], STREAM).best_threshold
        assert doubtful < best <= confident

    def test_the_threshold_weighs_recall_against_false_alarms(self) -> None:
        # recall less false alarms: up to 0.1 4/4 - 4/4, up to 0.3 4/4 - 1/4, up to 0.6 3/4 - 1/4, up to 0.65 0 - 1/4
        confidence = [0.6, 0.6, 0.6, 0.3, 0.65, 0.1, 0.1, 0.1]
        estimate = frames([200, 210, 220, 230, 50, 50, 50, 50], confidence)
        aligned = fit_alignment([(clip(held([200, 210, 220, 230, 0, 0, 0, 0])), estimate)], STREAM)
        assert aligned.delay_ms == 0
        assert 0.1 < aligned.best_threshold <= 0.3

    def test_clips_are_pooled(self) -> None:
        first = clip(held([200, 220, 0, 0])), frames([200, 220, 50, 50], [0.9, 0.9, 0.5, 0.5])
        second = clip(held([300, 330, 0, 0])), frames([300, 330, 50, 50], [0.7, 0.4, 0.1, 0.1])
        # by itself 0.1 < t <= 0.4 serves the second; together that is 4/4 - 2/4, and 0.5 < t <= 0.7 is 3/4 - 0
        assert 0.1 < fit_alignment([second], STREAM).best_threshold <= 0.4
        assert 0.5 < fit_alignment([first, second], STREAM).best_threshold <= 0.7

    def test_the_best_threshold_serves_as_well_as_it_was_found_to(self) -> None:
        late = late_frames(47, 0.95, 0.9)  # float32's 0.9 lies below 0.90
        figures = truth([SUNG], [late], [late], STREAM, 0.5, fit_alignment([(SUNG, late)], STREAM)).baseline_at_best
        assert figures.voicing_recall - figures.voicing_false_alarm > 0.99

    @pytest.mark.filterwarnings("error")
    @pytest.mark.parametrize("clips", [[], [clip(None)], [clip(held(np.zeros(20)))]], ids=["none", "no f0", "silence"])
    def test_without_voiced_f0_there_is_neither(self, clips: list[Clip]) -> None:
        pairs = [(each, frames([440.0] * 20, 0.1)) for each in clips]
        assert fit_alignment(pairs, STREAM) == Alignment(None, None)

    def test_delay_without_a_voiced_frame_has_no_threshold(self) -> None:
        late = held(np.where(np.arange(100) >= 94, 440.0, 0.0))
        assert fit_alignment([(clip(late), frames(np.full(100, 100.0), 0.9))], STREAM).best_threshold is None

    def test_without_unvoiced_frames_there_is_no_threshold(self) -> None:
        times_s = np.arange(-60, 101) * 0.005  # annotated from before the clip's start, so every frame is sung
        late = frames(220 * 2.0 ** (np.arange(1, 51) * 0.010 - 0.030))
        pairs = [(clip(PitchTrack(times_s, 220 * 2.0**times_s)), late)]
        assert fit_alignment(pairs, STREAM) == Alignment(30.0, None)


class TestTruth:
    def test_both_sides_at_both_thresholds(self) -> None:
        baseline = frames([440, 440, 440, 440, 440], [0.9, 0.9, 0.3, 0.3, 0.1])
        variant = frames([440, 470, 880, 440, 440], [0.9, 0.2, 0.3, 0.1, 0.1])
        sung = clip(held([440, 440, 440, 0, 0]))
        figures = truth([sung], [baseline], [variant], STREAM, 0.5, Alignment(0.0, 0.3))
        assert (figures.clips, figures.frames, figures.voiced_frames) == (("a",), 5, 3)
        assert (figures.delay_ms, figures.threshold, figures.best_threshold) == (0.0, 0.5, 0.3)
        measured = {side: [getattr(getattr(figures, side), name) for name in FIGURES] for side in SCORES}
        assert measured == {
            "baseline": pytest.approx([1, 1, 2 / 3, 0, 4 / 5]),
            "variant": pytest.approx([1 / 3, 2 / 3, 1 / 3, 0, 3 / 5]),
            "baseline_at_best": pytest.approx([1, 1, 1, 1 / 2, 4 / 5]),
            "variant_at_best": pytest.approx([1 / 3, 2 / 3, 2 / 3, 0, 3 / 5]),
        }

    def test_clips_are_pooled_and_those_without_f0_left_out(self) -> None:
        clips = [clip(held([440] * 3 + [0])), clip(None, "b"), clip(held([440]), "c")]
        baseline = [frames([440] * 4), frames([100] * 9), frames([100])]
        variant = [frames([100] * 4), frames([100] * 9), frames([440])]
        figures = truth(clips, baseline, variant, STREAM, 0.5, Alignment(0.0, 0.5))
        assert (figures.clips, figures.frames, figures.voiced_frames) == (("a", "c"), 5, 4)
        assert figures.baseline.rpa50 == 0.75  # 3 of 4 sung frames; the mean of the clips' figures is 0.5
        assert (figures.variant.rpa50, figures.rpa50_change) == (0.25, -0.5)

    def test_the_estimate_is_moved_back_before_it_is_judged(self) -> None:
        late = late_frames(47)
        at = {ms: truth([SUNG], [late], [late], STREAM, 0.5, Alignment(ms, 0.5)).baseline for ms in (0.0, 47.0)}
        assert at[47.0].rpa50 > 0.99 and at[47.0].voicing_recall > 0.99 and at[47.0].voicing_false_alarm < 0.01
        assert at[0.0].rpa50 < 0.9

    @UNVOICED
    @pytest.mark.parametrize(
        ("known", "variant", "alignment", "rpa50", "null_reasons"),
        [
            (None, 69, Alignment(None, None), None, {**NO_F0, **NO_DELAY, **NO_BEST}),
            (None, 69, Alignment(25.0, 0.4), None, NO_F0),
            (
                [440, 0],
                69,
                Alignment(None, None),
                None,
                dict.fromkeys(NO_F0, "the delay is not known: no calibration clip has a known, voiced f0")
                | NO_DELAY
                | NO_BEST,
            ),
            ([0, 0], 69, Alignment(0.0, 0.5), None, {"rpa50_change": "no frame is voiced"}),
            (
                [440, 440],
                69,
                Alignment(0.0, None),
                1.0,
                NO_BEST | dict.fromkeys(("baseline_at_best", "variant_at_best"), "there is no best threshold"),
            ),
            (
                [440, 0],
                np.nan,
                Alignment(0.0, 0.5),
                1.0,
                dict.fromkeys(("variant", "variant_at_best", "rpa50_change"), "a pitch or confidence is not finite"),
            ),
        ],
        ids=["no f0 at all", "no scored f0", "no calibration f0", "silence", "all voiced", "broken variant"],
    )
    def test_what_cannot_be_measured_is_null_with_a_reason(
        self,
        known: list[float] | None,
        variant: float,
        alignment: Alignment,
        rpa50: float | None,
        null_reasons: dict[str, str],
    ) -> None:
        scored = clip(None if known is None else held(known))
        figures = truth([scored], [frames([440, 440])], [frames_of([variant, 69])], STREAM, 0.5, alignment)
        assert figures.null_reasons == null_reasons
        assert (figures.baseline and figures.baseline.rpa50) == rpa50
