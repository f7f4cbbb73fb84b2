"""The probe measures what a tracker of a known window needs, and the grid scores what the truth says."""

import numpy as np
import pytest

from workbench.audio.annotations import PitchTrack
from workbench.measure.rivals.figures import Tracked, fit
from workbench.measure.rivals.grid import on_grid, pooled
from workbench.measure.rivals.lookahead import measure_lookahead
from workbench.rivals.rival import Estimate, Floats

RATE_HZ, HOP = 8000, 80


def _windowed(past_samples: int, future_samples: int, shift_s: float = 0.0):
    """A tracker whose frame is a function of the samples around its moment; it reports the moment `shift_s` late."""

    def track(samples: Floats) -> Estimate:
        centres = np.arange(0, len(samples), HOP)
        windows = [samples[max(0, at - past_samples) : at + future_samples] for at in centres]
        hz = np.array([100 + 1000 * (abs(window[0]) + abs(window[-1])) for window in windows])
        return Estimate(centres / RATE_HZ + shift_s, hz, np.ones(len(hz), bool), None)

    return track


@pytest.mark.parametrize(("past_ms", "future_ms", "shift_ms"), [(64, 32, 0), (200, 10, 25), (5, 0.125, 0)])
def test_the_probe_measures_a_known_window(past_ms: float, future_ms: float, shift_ms: float) -> None:
    track = _windowed(round(past_ms * 8), round(future_ms * 8), shift_ms / 1000)
    samples = np.random.default_rng(3).standard_normal(3 * RATE_HZ).astype(np.float32)
    found = measure_lookahead(track, samples, RATE_HZ, HOP / RATE_HZ, shift_ms)
    hop_part_ms = 10 / 8
    assert found.future_ms == pytest.approx(future_ms, abs=hop_part_ms + 0.2)
    assert found.past_ms == pytest.approx(past_ms, abs=hop_part_ms + 0.2)
    assert found.reach_ms == 1200


def test_a_tracker_that_ignores_the_audio_has_no_lookahead() -> None:
    constant = Estimate(np.arange(300) / 100, np.full(300, 220.0), np.ones(300, bool), None)
    found = measure_lookahead(lambda samples: constant, np.ones(24_000, np.float32), RATE_HZ, 0.01, 0.0)
    assert (found.future_ms, found.past_ms) == (None, None)


GLIDE = PitchTrack(np.arange(200) / 100, np.where(np.arange(200) < 150, 220 * 2 ** (np.arange(200) / 600), 0.0))


def _sampled(hop_s: float, late_s: float = 0.0, octave_up_after_s: float = np.inf) -> Estimate:
    """The known f0 itself, at a hop, reported late; the score is 0.8 if voiced and 0.4 otherwise."""
    times_s = np.arange(0, 2, hop_s)
    hz = GLIDE.at(times_s)
    guess = np.where(hz > 0, hz, 300.0) * np.where(times_s > octave_up_after_s, 2, 1)
    return Estimate(times_s + late_s, guess, hz > 0, np.where(hz > 0, 0.8, 0.4))


@pytest.mark.parametrize("hop_s", [0.005, 0.016, 0.02])
def test_the_truth_at_any_hop_scores_1_once_its_delay_is_fitted(hop_s: float) -> None:
    late = _sampled(hop_s, late_s=0.03)
    alignment = fit([Tracked(GLIDE, 2.0, late)])
    assert alignment.delay_ms == pytest.approx(30, abs=1)
    grid = on_grid(GLIDE, late, alignment.delay_ms, 2.0)
    at_best = grid.accuracy(alignment.best_threshold)
    assert min(at_best.rpa50, at_best.voicing_recall) > 0.99
    assert at_best.voicing_false_alarm < 0.03  # a hop of 20 ms cannot tell the end of the note to 10 ms
    assert np.abs(1200 * np.log2(grid.known_hz[:140] / (440 * 2 ** ((grid.pitch_semitones[:140] - 69) / 12)))).max() < 2


def test_an_octave_is_wrong_but_right_in_chroma_and_no_glide_is_drawn_to_it() -> None:
    score = on_grid(GLIDE, _sampled(0.02, octave_up_after_s=0.75), 0.0, 2.0).accuracy(None)
    assert score.rpa50 == pytest.approx(0.5, abs=0.01)
    assert score.rca50 > 0.99


def test_the_best_threshold_is_not_chosen_on_the_scored_clips() -> None:
    """On the scored clip unvoiced frames have scores of 0.7: the threshold of calibration calls them voiced."""
    alignment = fit([Tracked(GLIDE, 2.0, _sampled(0.01))])
    assert alignment.best_threshold == pytest.approx(0.6, abs=0.02)  # the middle of 0.4 and 0.8
    scored = _sampled(0.01)
    scored = Estimate(scored.times_s, scored.hz, scored.voiced, np.where(scored.voiced, 0.8, 0.7))
    grid = on_grid(GLIDE, scored, alignment.delay_ms, 2.0)
    assert grid.accuracy(alignment.best_threshold).voicing_false_alarm == 1
    assert grid.accuracy(None).voicing_false_alarm < 0.03


def test_without_a_score_there_is_no_threshold_and_without_a_pitch_a_moment_is_wrong() -> None:
    times_s = np.arange(0, 2, 0.01)
    silent = Estimate(times_s, np.zeros(200), np.zeros(200, bool), None)
    assert fit([Tracked(GLIDE, 2.0, silent)]).best_threshold is None
    score = pooled([on_grid(GLIDE, silent, 0.0, 2.0)] * 2).accuracy(None)
    assert (score.rpa50, score.voicing_recall, score.voicing_false_alarm) == (0, 0, 0)
