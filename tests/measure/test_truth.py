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
from workbench.measure.alignment import Alignment, fit_alignment, reference_hz
from workbench.measure.truth import accuracy, truth
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
AT_BEST = ("baseline_at_best", "variant_at_best")
SCORES = ("baseline", "variant", *AT_BEST)
NO_F0 = dict.fromkeys((*SCORES, "rpa50_change"), "no scored clip has a known f0")
NO_DELAY = {"delay_ms": "no calibration clip has a known, voiced f0"}
UNKNOWN_DELAY = NO_DELAY | dict.fromkeys(NO_F0, "the delay is not known: no calibration clip has a known, voiced f0")
NO_BEST = {"best_threshold": "the calibration clips do not have both voiced and unvoiced frames of known f0"}
NOT_FINITE = dict.fromkeys(("variant", "variant_at_best", "rpa50_change"), "a pitch or confidence is not finite")
UNVOICED = pytest.mark.filterwarnings("ignore:Reference melody has no voiced frames")


def frames(hz: object, confidence: object = 1.0) -> Frames:
    return frames_of(69 + 12 * np.log2(np.asarray(hz, np.float64) / 440), confidence)


def clip(track: PitchTrack | None, name: str = "a") -> Clip:
    return Clip(name, Path(f"{name}.wav"), "0" * 64, RATE_HZ, np.zeros(RATE_HZ, np.float32), RATE_HZ, 1, track)


def held(hz: object, name: str = "a") -> Clip:
    """A clip whose f0 has one value for each frame of STREAM, at the end of its hop."""
    hz = np.asarray(hz, np.float64)
    return clip(PitchTrack(np.arange(1, len(hz) + 1) * 0.010, hz), name)


def sung_hz(times_s: np.ndarray) -> np.ndarray:
    """A glide with vibrato, sung between 0.3 and 2.7 s: f0 as a formula, known at any moment."""
    hz = 220 * 2 ** (times_s / 3 + 0.05 * np.sin(2 * np.pi * 5 * times_s))
    return np.where((times_s >= 0.3) & (times_s < 2.7), hz, 0.0)


def late_frames(lag_ms: float, confident: float = 0.8, doubtful: float = 0.2) -> Frames:
    """The output of a perfect estimator that describes the audio `lag_ms` before the end of each hop."""
    hz = sung_hz(np.arange(1, 301) * 0.010 - lag_ms / 1000)
    return frames(np.where(hz > 0, hz, 100.0), np.where(hz > 0, confident, doubtful))


SUNG = clip(PitchTrack(np.arange(601) * 0.005, sung_hz(np.arange(601) * 0.005)))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(4, 60), threshold=st.sampled_from([0.25, 0.5, 0.75]))
def test_accuracy_equals_mir_evals_evaluation(seed: int, count: int, threshold: float) -> None:
    """mir_eval.melody.evaluate takes signed hertz (negative: unvoiced) and resamples by itself."""
    generator = np.random.default_rng(seed)
    known = np.where(generator.random(count) < 0.6, generator.uniform(80, 800, count), 0.0)
    known[:2] = 0, 300
    off = generator.choice([0, 20, 49, 51, -49, 1200, -1170, 600], count)
    confidence = generator.choice([0.1, 0.25, 0.5, 0.75, 0.9], count)  # the threshold itself is voiced
    estimate = frames(np.where(known > 0, known, 200) * 2 ** (off / 1200), confidence)
    estimate.confidence[0] = 1.0  # mir_eval warns if nothing is voiced
    hz = 440 * 2 ** ((estimate.pitch_semitones.astype(np.float64) - 69) / 12)
    times_s = np.arange(count) * 0.010
    expected = mir_eval.melody.evaluate(times_s, known, times_s, np.where(estimate.confidence >= threshold, hz, -hz))
    figures = accuracy(known, estimate, threshold)
    assert figures.model_dump(include=set(FIGURES)) == pytest.approx(
        {own: expected[its] for own, its in FIGURES.items()}
    )


@UNVOICED
@pytest.mark.parametrize(
    ("known", "absent", "nulls", "reason"),
    [
        ([220, 220], (), ("voicing_false_alarm",), "every frame is voiced"),
        ([0, 0], (), ("rpa50", "rca50", "voicing_recall"), "no frame is voiced"),
        ([220, 220], ("confidence",), tuple(FIGURES)[2:], "the program does not return confidence (outputs)"),
    ],
)
def test_a_figure_without_frames_is_null(
    known: list[float], absent: tuple[str, ...], nulls: tuple[str, ...], reason: str
) -> None:
    estimate = dataclasses.replace(frames([220, 440], np.nan if absent else [0.9, 0.1]), absent=absent)
    figures = accuracy(np.array(known, float), estimate, 0.5)
    assert figures.null_reasons == dict.fromkeys(nulls, reason)
    assert (figures.rpa50, figures.rca50) == ((0.5, 1.0) if any(known) else (None, None))


@pytest.mark.parametrize(
    ("pitch", "confidence"), [([], []), ([69, np.nan], [1, 1]), ([69, -np.inf], [1, 1]), ([69, 69], [np.nan, 1])]
)
def test_frames_without_finite_values_have_no_accuracy(pitch: list[float], confidence: list[float]) -> None:
    assert accuracy(np.array([440.0, 0.0])[: len(pitch)], frames_of(pitch, confidence), 0.5) is None


@pytest.mark.parametrize(
    ("hop_samples", "frames_per_chunk", "delay_ms", "expected"),
    [
        (480, 1, 0, [0, 300, 400, 500, 0]),  # after the track: unvoiced
        (480, 1, 20, [0, 100, 0, 300]),  # before it: unvoiced
        (480, 1, -15, [(300 * 400) ** 0.5, (400 * 500) ** 0.5]),  # between annotations: the geometric mean
        (960, 2, 0, [300, 500]),  # each frame of a chunk ends with its hop
    ],
)
def test_reference_is_f0_a_delay_before_frame_ends(
    hop_samples: int, frames_per_chunk: int, delay_ms: float, expected: list[float]
) -> None:
    track = PitchTrack(np.arange(5) * 0.01, np.array([100.0, 0, 300, 400, 500]))
    stream = StreamConfig(RATE_HZ, hop_samples, frames_per_chunk, 1.0)
    assert reference_hz(track, len(expected), stream, delay_ms) == pytest.approx(expected)


@pytest.mark.parametrize(("lag_ms", "error"), [(0, 0), (150, 0), (47, 12), (47, -12), (47, np.nan)])
def test_alignment_finds_the_lag_that_was_put_in(lag_ms: float, error: float) -> None:
    """Neither octave errors nor frames that are not finite nor clips of unknown f0 move it."""
    late = late_frames(lag_ms)
    late.pitch_semitones[::5] += error
    late.confidence[::7] = np.nan
    pairs = [(clip(None), frames([50.0] * 300)), (SUNG, late)]
    assert fit_alignment(pairs, STREAM).delay_ms == pytest.approx(lag_ms, abs=1)


@pytest.mark.parametrize(("doubtful", "confident"), [(0.2, 0.8), (0.05, 0.12), (0.9, 0.95)])
def test_the_best_threshold_separates_two_clusters(doubtful: float, confident: float) -> None:
    late = late_frames(47, confident, doubtful)
    alignment = fit_alignment([(SUNG, late)], STREAM)
    assert np.float32(doubtful) < alignment.best_threshold <= confident  # float32's 0.9 lies below 0.90
    figures = truth([SUNG], [late], [late], STREAM, 0.5, alignment).baseline_at_best
    assert figures.voicing_recall - figures.voicing_false_alarm > 0.99


def test_alignment_pools_the_clips() -> None:
    first = held([200, 220, 0, 0]), frames([200, 220, 50, 50], [0.9, 0.9, 0.5, 0.5])
    second = held([300, 330, 0, 0]), frames([300, 330, 50, 50], [0.7, 0.4, 0.1, 0.1])
    # recall less false alarms: 0.1 < t <= 0.4 is the best for the second by itself; for both that is 4/4 - 2/4, and
    # 0.5 < t <= 0.7 is 3/4 - 0
    assert 0.1 < fit_alignment([second], STREAM).best_threshold <= 0.4
    assert 0.5 < fit_alignment([first, second], STREAM).best_threshold <= 0.7


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("clips", [[], [clip(None)], [held(np.zeros(20))]], ids=["none", "no f0", "silence"])
def test_without_voiced_f0_there_is_no_alignment(clips: list[Clip]) -> None:
    assert fit_alignment([(each, frames([440.0] * 20, 0.1)) for each in clips], STREAM) == Alignment(None, None)


def test_without_both_voicings_there_is_no_threshold() -> None:
    """The known f0 starts before the first clip, so every frame is sung; no frame of the second is, after its delay."""
    hz = 220 * 2.0 ** (np.arange(-60, 101) * 0.005)
    pairs = [(clip(PitchTrack(np.arange(-60, 101) * 0.005, hz)), frames(220 * 2.0 ** (np.arange(-2, 48) * 0.010)))]
    assert fit_alignment(pairs, STREAM) == Alignment(30.0, None)
    late = held(np.where(np.arange(100) >= 94, 440.0, 0.0))
    assert fit_alignment([(late, frames(np.full(100, 100.0), 0.9))], STREAM).best_threshold is None


def test_both_sides_are_judged_at_both_thresholds() -> None:
    baseline = frames([440, 440, 440, 440, 440], [0.9, 0.9, 0.3, 0.3, 0.1])
    variant = frames([440, 470, 880, 440, 440], [0.9, 0.2, 0.3, 0.1, 0.1])
    figures = truth([held([440, 440, 440, 0, 0])], [baseline], [variant], STREAM, 0.5, Alignment(0.0, 0.3))
    assert (figures.clips, figures.frames, figures.voiced_frames) == (("a",), 5, 3)
    assert (figures.delay_ms, figures.threshold, figures.best_threshold) == (0.0, 0.5, 0.3)
    measured = {side: [getattr(getattr(figures, side), name) for name in FIGURES] for side in SCORES}
    assert measured == {
        "baseline": pytest.approx([1, 1, 2 / 3, 0, 4 / 5]),
        "variant": pytest.approx([1 / 3, 2 / 3, 1 / 3, 0, 3 / 5]),
        "baseline_at_best": pytest.approx([1, 1, 1, 1 / 2, 4 / 5]),
        "variant_at_best": pytest.approx([1 / 3, 2 / 3, 2 / 3, 0, 3 / 5]),
    }


def test_truth_pools_the_clips_of_known_f0() -> None:
    clips = [held([440] * 3 + [0]), clip(None, "b"), held([440], "c")]
    baseline = [frames([440] * 4), frames([100] * 9), frames([100])]
    variant = [frames([100] * 4), frames([100] * 9), frames([440])]
    figures = truth(clips, baseline, variant, STREAM, 0.5, Alignment(0.0, 0.5))
    assert (figures.clips, figures.frames, figures.voiced_frames) == (("a", "c"), 5, 4)
    assert figures.baseline.rpa50 == 0.75  # 3 of 4 sung frames; the mean of the clips' figures is 0.5
    assert (figures.variant.rpa50, figures.rpa50_change) == (0.25, -0.5)


def test_kinds_of_truth_are_not_mixed_and_unknown_frames_not_scored() -> None:
    agreed = held([440, np.nan, 0, np.nan])
    clips = [clip(dataclasses.replace(agreed.f0, kind="consensus")), held([440, 440], "b")]
    baseline = [frames([440, 100, 100, 100], [1, 1, 0, 1]), frames([440, 100])]
    figures = truth(clips, baseline, baseline, STREAM, 0.5, Alignment(0.0, 0.5))
    other = figures.other_kinds[0]
    found = [(each.kind, each.clips, each.frames, each.unknown_frames, each.voiced_frames) for each in (figures, other)]
    assert found == [("annotated", ("b",), 2, 0, 2), ("consensus", ("a",), 2, 2, 1)]
    assert (figures.baseline.rpa50, other.baseline.rpa50, other.baseline.overall) == (0.5, 1, 1)
    unknown = clip(dataclasses.replace(held([np.nan, np.nan]).f0, kind="consensus"))
    figures = truth([unknown], baseline[1:], baseline[1:], STREAM, 0.5, Alignment(0.0, 0.5))
    assert (figures.kind, figures.null_reasons["baseline"]) == ("consensus", "the f0 of every frame is unknown")


def test_alignment_takes_one_kind_of_truth() -> None:
    late = clip(dataclasses.replace(SUNG.f0, kind="consensus"), "late")
    partly = clip(PitchTrack(SUNG.f0.times_s, np.where(SUNG.f0.times_s > 2.7, np.nan, SUNG.f0.hz)))
    pairs = [(late, late_frames(150)), (partly, late_frames(47))]
    assert fit_alignment(pairs, STREAM).delay_ms == pytest.approx(47, abs=1)
    assert fit_alignment(pairs[:1], STREAM).delay_ms == pytest.approx(150, abs=1)
    doubted = late_frames(47)
    doubted.confidence[276:] = 1.0  # unknown, so it is no false alarm
    assert 0.2 < fit_alignment([(partly, doubted)], STREAM).best_threshold <= 0.8


def test_the_estimate_is_moved_back_before_it_is_judged() -> None:
    late = late_frames(47)
    moved, not_moved = (truth([SUNG], [late], [late], STREAM, 0.5, Alignment(ms, 0.5)).baseline for ms in (47.0, 0.0))
    assert moved.rpa50 > 0.99 and moved.voicing_recall > 0.99 and moved.voicing_false_alarm < 0.01
    assert not_moved.rpa50 < 0.9


@UNVOICED
@pytest.mark.parametrize(
    ("known", "variant", "alignment", "rpa50", "null_reasons"),
    [
        (None, 69, Alignment(None, None), None, NO_F0 | NO_DELAY | NO_BEST),
        (None, 69, Alignment(25.0, 0.4), None, NO_F0),
        ([440, 0], 69, Alignment(None, None), None, UNKNOWN_DELAY | NO_BEST),
        ([0, 0], 69, Alignment(0.0, 0.5), None, {"rpa50_change": "no frame is voiced"}),
        ([440, 440], 69, Alignment(0.0, None), 1, NO_BEST | dict.fromkeys(AT_BEST, "there is no best threshold")),
        ([440, 0], np.nan, Alignment(0.0, 0.5), 1, NOT_FINITE),
    ],
    ids=["no f0 at all", "no scored f0", "no calibration f0", "silence", "all voiced", "broken variant"],
)
def test_what_cannot_be_measured_is_null_with_a_reason(
    known: list[float] | None, variant: float, alignment: Alignment, rpa50: float | None, null_reasons: dict[str, str]
) -> None:
    scored = clip(None) if known is None else held(known)
    figures = truth([scored], [frames([440, 440])], [frames_of([variant, 69])], STREAM, 0.5, alignment)
    assert figures.null_reasons == null_reasons
    assert (figures.baseline and figures.baseline.rpa50) == rpa50
