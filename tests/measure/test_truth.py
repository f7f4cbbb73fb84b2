"""Accuracy against mir_eval's own melody evaluation; delays and thresholds known because they were put in."""

import dataclasses
from pathlib import Path

import mir_eval
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.audio.annotations import PitchTrack
from workbench.audio.decode import Clip
from workbench.measure.truth import Alignment, PitchAccuracy, accuracy, fit_alignment, reference_hz, truth
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.session import Frames

RATE = 48000
STREAM = StreamConfig(
    sample_rate_hz=RATE, hop_samples=480, frames_per_chunk=1, mirror=1.0
)  # frames end 10, 20, 30 ... ms
FIGURES = ("rpa50", "rca50", "voicing_recall", "voicing_false_alarm", "overall")
SCORES = ("baseline", "variant", "baseline_at_best", "variant_at_best")


def frames(hz: object, confidence: object = 1.0) -> Frames:
    pitch = np.asarray(69 + 12 * np.log2(np.asarray(hz, np.float64) / 440), np.float32)
    loud = np.broadcast_to(np.asarray(confidence, np.float32), pitch.shape).copy()
    return Frames(pitch, loud, np.ones_like(pitch))


def clip(name: str, track: PitchTrack | None, seconds: float = 1.0) -> Clip:
    silence = np.zeros(round(seconds * RATE), np.float32)
    return Clip(name, Path(f"{name}.wav"), "0" * 64, RATE, silence, RATE, 1, track)


def sung_hz(times_s: np.ndarray) -> np.ndarray:
    """A glide with vibrato, sung between 0.3 and 2.7 s: f0 as a formula, known at any moment."""
    hz = 220 * 2 ** (times_s / 3 + 0.05 * np.sin(2 * np.pi * 5 * times_s))
    return np.where((times_s >= 0.3) & (times_s < 2.7), hz, 0.0)


def sung_track() -> PitchTrack:
    times_s = np.arange(601) * 0.005
    return PitchTrack(times_s, sung_hz(times_s))


def late_frames(lag_ms: float, confident: float = 0.8, doubtful: float = 0.2) -> Frames:
    """The output of a perfect estimator that describes the audio `lag_ms` before the end of each hop."""
    described_s = np.arange(1, 301) * 0.010 - lag_ms / 1000
    hz = sung_hz(described_s)
    return frames(np.where(hz > 0, hz, 100.0), np.where(hz > 0, confident, doubtful))


def held(hz: object) -> PitchTrack:
    """One value for each frame of STREAM, at the end of its hop."""
    hz = np.asarray(hz, np.float64)
    return PitchTrack(np.arange(1, len(hz) + 1) * 0.010, hz)


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
        """mir_eval.melody.evaluate takes signed hertz (negative: unvoiced) and its own route through resampling."""
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
        assert figures.rpa50 == pytest.approx(expected["Raw Pitch Accuracy"])
        assert figures.rca50 == pytest.approx(expected["Raw Chroma Accuracy"])
        assert figures.voicing_recall == pytest.approx(expected["Voicing Recall"])
        assert figures.voicing_false_alarm == pytest.approx(expected["Voicing False Alarm"])
        assert figures.overall == pytest.approx(expected["Overall Accuracy"])

    def test_without_unvoiced_frames_false_alarm_is_null(self) -> None:
        figures = accuracy(np.array([440.0, 440.0]), frames([440, 470], [0.9, 0.1]), 0.5)
        assert figures == PitchAccuracy(
            rpa50=0.5,
            rca50=0.5,
            voicing_recall=0.5,
            voicing_false_alarm=None,
            overall=0.5,
            null_reasons={"voicing_false_alarm": "every frame is voiced"},
        )

    @pytest.mark.filterwarnings("ignore:Reference melody has no voiced frames")
    def test_without_voiced_frames_pitch_accuracy_is_null(self) -> None:
        figures = accuracy(np.zeros(3), frames([440, 440, 440]), 0.5)
        assert (figures.rpa50, figures.rca50, figures.voicing_recall) == (None, None, None)
        assert figures.voicing_false_alarm == 1.0
        assert set(figures.null_reasons.values()) == {"no frame is voiced"}

    def test_no_frames_is_none(self) -> None:
        assert accuracy(np.zeros(0), frames([]), 0.5) is None

    @pytest.mark.parametrize(
        "broken",
        [
            np.nan,
            np.inf,
            -np.inf,
        ],
    )
    def test_a_pitch_that_is_not_finite_is_none(self, broken: float) -> None:
        estimate = Frames(np.array([69, broken], np.float32), np.ones(2, np.float32), np.ones(2, np.float32))
        assert accuracy(np.array([440.0, 0.0]), estimate, 0.5) is None

    def test_without_confidence_only_pitch_accuracy_is_given(self) -> None:
        hz = np.array([220.0, 220.0, 0.0])
        silent = dataclasses.replace(frames([220, 440, 220], np.nan), absent=("confidence",))
        found = accuracy(hz, silent, 0.5)
        assert found is not None
        assert (found.rpa50, found.rca50) == (0.5, 1.0)
        assert found.null_reasons == dict.fromkeys(
            ("voicing_recall", "voicing_false_alarm", "overall"), "the program does not return confidence (outputs)"
        )

    def test_a_confidence_that_is_not_finite_is_none(self) -> None:
        assert accuracy(np.array([440.0, 0.0]), frames([440, 440], [np.nan, 1]), 0.5) is None


class TestReference:
    def test_frames_describe_the_audio_a_delay_before_their_end(self) -> None:
        track = PitchTrack(np.array([0.0, 0.01, 0.02, 0.03, 0.04]), np.array([100.0, 0, 300, 400, 500]))
        assert reference_hz(track, 4, STREAM, 0).tolist() == [0, 300, 400, 500]
        assert reference_hz(track, 4, STREAM, 10).tolist() == [100, 0, 300, 400]
        assert reference_hz(track, 4, STREAM, 20).tolist() == [0, 100, 0, 300]  # before the track: unvoiced
        assert reference_hz(track, 5, STREAM, 0)[4] == 0  # after it: unvoiced

    def test_between_annotations_it_is_the_geometric_mean(self) -> None:
        track = PitchTrack(np.array([0.0, 0.02]), np.array([100.0, 400.0]))
        assert reference_hz(track, 1, STREAM, 0) == pytest.approx([200.0])

    def test_a_chunk_of_several_frames_has_a_moment_for_each_hop(self) -> None:
        stream = StreamConfig(sample_rate_hz=RATE, hop_samples=960, frames_per_chunk=2, mirror=1.0)
        track = PitchTrack(np.array([0.02, 0.04]), np.array([200.0, 400.0]))
        assert reference_hz(track, 2, stream, 0).tolist() == [200, 400]


class TestAlign:
    @pytest.mark.parametrize("lag_ms", [0, 10, 47, 86, 150])
    def test_finds_the_lag_that_was_put_in(self, lag_ms: float) -> None:
        assert fit_alignment([(clip("a", sung_track()), late_frames(lag_ms))], STREAM).delay_ms == pytest.approx(
            lag_ms, abs=1
        )

    def test_octave_errors_do_not_move_it(self) -> None:
        late = late_frames(47)
        pitch = late.pitch_semitones.copy()
        pitch[::7] += 12
        pitch[3::11] -= 12
        wrong = Frames(pitch, late.confidence, late.volume)
        assert fit_alignment([(clip("a", sung_track()), wrong)], STREAM).delay_ms == pytest.approx(47, abs=1)

    def test_frames_that_are_not_finite_do_not_move_it(self) -> None:
        late = late_frames(47)
        pitch, confidence = late.pitch_semitones.copy(), late.confidence.copy()
        pitch[::7], confidence[::5] = np.nan, np.nan
        broken = Frames(pitch, confidence, late.volume)
        assert fit_alignment([(clip("a", sung_track()), broken)], STREAM).delay_ms == pytest.approx(47, abs=1)

    def test_clips_without_known_f0_are_ignored(self) -> None:
        mute = clip("b", None), frames(np.full(300, 50.0), 1.0)
        known = clip("a", sung_track()), late_frames(47)
        assert fit_alignment([mute, known], STREAM) == fit_alignment([known], STREAM)

    @pytest.mark.parametrize(("doubtful", "confident"), [(0.2, 0.8), (0.05, 0.12), (0.85, 0.95)])
    def test_the_threshold_lies_between_two_clusters(self, doubtful: float, confident: float) -> None:
        best = fit_alignment([(clip("a", sung_track()), late_frames(47, confident, doubtful))], STREAM).best_threshold
        assert doubtful < best <= confident

    def test_the_threshold_weighs_recall_against_false_alarms(self) -> None:
        # recall less false alarms: up to 0.1 4/4 - 4/4, up to 0.3 4/4 - 1/4, up to 0.6 3/4 - 1/4, up to 0.65 0 - 1/4
        track = held([200, 210, 220, 230, 0, 0, 0, 0])
        confidence = [0.6, 0.6, 0.6, 0.3, 0.65, 0.1, 0.1, 0.1]
        aligned = fit_alignment([(clip("a", track), frames([200, 210, 220, 230, 50, 50, 50, 50], confidence))], STREAM)
        assert aligned.delay_ms == 0
        assert 0.1 < aligned.best_threshold <= 0.3

    def test_clips_are_pooled(self) -> None:
        first = clip("a", held([200, 220, 0, 0])), frames([200, 220, 50, 50], [0.9, 0.9, 0.5, 0.5])
        second = clip("b", held([300, 330, 0, 0])), frames([300, 330, 50, 50], [0.7, 0.4, 0.1, 0.1])
        # by itself 0.1 < t <= 0.4 serves b; together that is 4/4 - 2/4, and 0.5 < t <= 0.7 is 3/4 - 0
        assert 0.1 < fit_alignment([second], STREAM).best_threshold <= 0.4
        assert 0.5 < fit_alignment([first, second], STREAM).best_threshold <= 0.7

    def test_the_best_threshold_serves_as_well_as_it_was_found_to(self) -> None:
        sung, late = clip("a", sung_track()), late_frames(47, 0.95, 0.9)  # float32's 0.9 lies below 0.90
        alignment = fit_alignment([(sung, late)], STREAM)
        figures = truth([sung], [late], [late], STREAM, 0.5, alignment).baseline_at_best
        assert figures.voicing_recall - figures.voicing_false_alarm > 0.99

    def test_without_known_f0_there_is_neither(self) -> None:
        assert fit_alignment([], STREAM) == Alignment(None, None)
        assert fit_alignment([(clip("a", None), frames([440.0] * 5))], STREAM) == Alignment(None, None)

    @pytest.mark.filterwarnings("error")
    def test_silence_gives_neither(self) -> None:
        assert fit_alignment([(clip("a", held(np.zeros(20))), frames([440.0] * 20, 0.1))], STREAM) == Alignment(
            None, None
        )

    def test_without_unvoiced_frames_there_is_no_threshold(self) -> None:
        times_s = np.arange(-60, 101) * 0.005  # annotated from before the clip's start, so every frame is sung
        track = PitchTrack(times_s, 220 * 2.0**times_s)
        late = frames(220 * 2.0 ** (np.arange(1, 51) * 0.010 - 0.030))
        assert fit_alignment([(clip("a", track), late)], STREAM) == Alignment(30.0, None)


class TestTruth:
    def test_both_sides_at_both_thresholds(self) -> None:
        sung = clip("sung/a", held([440, 440, 440, 0, 0]))
        baseline = frames([440, 440, 440, 440, 440], [0.9, 0.9, 0.3, 0.3, 0.1])
        variant = frames([440, 470, 880, 440, 440], [0.9, 0.2, 0.3, 0.1, 0.1])
        figures = truth([sung], [baseline], [variant], STREAM, 0.5, Alignment(0.0, 0.3))
        assert (figures.clips, figures.frames, figures.voiced_frames) == (("sung/a",), 5, 3)
        assert (figures.delay_ms, figures.threshold, figures.best_threshold) == (0.0, 0.5, 0.3)
        assert figures.null_reasons == {}
        measured = {side: [getattr(getattr(figures, side), name) for name in FIGURES] for side in SCORES}
        assert measured == {
            "baseline": pytest.approx([1, 1, 2 / 3, 0, 4 / 5]),
            "variant": pytest.approx([1 / 3, 2 / 3, 1 / 3, 0, 3 / 5]),
            "baseline_at_best": pytest.approx([1, 1, 1, 1 / 2, 4 / 5]),
            "variant_at_best": pytest.approx([1 / 3, 2 / 3, 2 / 3, 0, 3 / 5]),
        }

    def test_clips_are_pooled_and_those_without_f0_left_out(self) -> None:
        clips = [clip("a", held([440] * 3 + [0])), clip("b", None), clip("c", held([440]))]
        right, wrong = [frames([440] * 4), frames([100] * 9), frames([100])], [frames([100] * 4)] * 3
        figures = truth(clips, right, [wrong[0], wrong[1], frames([440])], STREAM, 0.5, Alignment(0.0, 0.5))
        assert (figures.clips, figures.frames, figures.voiced_frames) == (("a", "c"), 5, 4)
        assert figures.baseline.rpa50 == 0.75  # 3 of 4 sung frames; the mean of the clips' figures is 0.5
        assert figures.variant.rpa50 == 0.25
        assert figures.rpa50_change == -0.5

    def test_the_estimate_is_moved_back_before_it_is_judged(self) -> None:
        sung, late = clip("a", sung_track()), late_frames(47)
        at = {ms: truth([sung], [late], [late], STREAM, 0.5, Alignment(ms, 0.5)).baseline for ms in (0.0, 47.0)}
        assert at[47.0].rpa50 > 0.99 and at[47.0].voicing_recall > 0.99 and at[47.0].voicing_false_alarm < 0.01
        assert at[0.0].rpa50 < 0.9

    def test_no_known_f0_is_null_with_its_reasons(self) -> None:
        figures = truth([clip("a", None)], [frames([440])], [frames([440])], STREAM, 0.5, Alignment(None, None))
        assert (figures.clips, figures.frames, figures.voiced_frames) == ((), 0, 0)
        assert figures.null_reasons == {
            "delay_ms": "no calibration clip has a known, voiced f0",
            "best_threshold": "the calibration clips do not have both voiced and unvoiced frames of known f0",
            **dict.fromkeys((*SCORES, "rpa50_change"), "no scored clip has a known f0"),
        }
        assert all(getattr(figures, name) is None for name in (*SCORES, "delay_ms", "best_threshold"))

    def test_scored_clips_without_f0_where_calibration_had_it(self) -> None:
        figures = truth([clip("a", None)], [frames([440])], [frames([440])], STREAM, 0.5, Alignment(25.0, 0.4))
        assert (figures.delay_ms, figures.best_threshold) == (25.0, 0.4)
        assert figures.null_reasons == dict.fromkeys((*SCORES, "rpa50_change"), "no scored clip has a known f0")

    def test_scored_clips_with_f0_where_calibration_had_none(self) -> None:
        sung = clip("a", held([440, 0]))
        figures = truth([sung], [frames([440, 440])], [frames([440, 440])], STREAM, 0.5, Alignment(None, None))
        assert figures.baseline is None
        assert figures.null_reasons["baseline"] != "no scored clip has a known f0"

    @pytest.mark.filterwarnings("ignore:Reference melody has no voiced frames")
    def test_scored_clips_without_a_voiced_frame(self) -> None:
        figures = truth(
            [clip("a", held([0, 0]))], [frames([440] * 2)], [frames([440] * 2)], STREAM, 0.5, Alignment(0.0, 0.5)
        )
        assert (figures.clips, figures.frames, figures.voiced_frames) == (("a",), 2, 0)
        assert figures.null_reasons == {"rpa50_change": "no frame is voiced"}
        assert figures.baseline.null_reasons == dict.fromkeys(
            ("rpa50", "rca50", "voicing_recall"), "no frame is voiced"
        )

    def test_without_a_best_threshold_the_recipes_own_still_counts(self) -> None:
        sung = clip("a", held([440, 440]))
        figures = truth([sung], [frames([440] * 2)], [frames([440] * 2)], STREAM, 0.5, Alignment(0.0, None))
        assert figures.baseline.rpa50 == figures.variant.rpa50 == 1.0
        assert figures.baseline.null_reasons == {"voicing_false_alarm": "every frame is voiced"}
        assert figures.null_reasons == {
            "best_threshold": "the calibration clips do not have both voiced and unvoiced frames of known f0",
            **dict.fromkeys(("baseline_at_best", "variant_at_best"), "there is no best threshold"),
        }

    def test_a_broken_variant_leaves_the_baseline_its_figures(self) -> None:
        sung = clip("a", held([440, 0]))
        broken = Frames(np.array([np.nan, 69], np.float32), np.ones(2, np.float32), np.ones(2, np.float32))
        figures = truth([sung], [frames([440, 440])], [broken], STREAM, 0.5, Alignment(0.0, 0.5))
        assert figures.baseline.rpa50 == 1.0
        assert figures.null_reasons == dict.fromkeys(
            ("variant", "variant_at_best", "rpa50_change"), "a pitch or confidence is not finite"
        )
