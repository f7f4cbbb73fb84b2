"""The advised threshold is the one that mir_eval's own evaluation finds best on the calibration clips."""

from pathlib import Path

import mir_eval
import numpy as np
import pytest

from tests.helpers.bundles import described
from tests.helpers.frames import frames_of
from tests.helpers.records.results import stored
from workbench.audio.annotations import PitchTrack, TruthKind
from workbench.audio.decode import Clip
from workbench.bundle.contents import readme
from workbench.measure.truth.advised_threshold import ONE_CLASS, AdvisedThreshold, advised_threshold
from workbench.recipe.stream_config import StreamConfig
from workbench.report.tables.results import print_results
from workbench.runtime.session import Frames

STREAM = StreamConfig(16_000, 160, 1, 1.0)  # frames end 10, 20, 30 ... ms


def drawn(seed: int, name: str, kind: TruthKind = "annotated") -> tuple[Clip, Frames, np.ndarray]:
    """A clip, its frames, and its f0: a third is unvoiced, a fifth of the pitches is wrong, confidence overlaps."""
    rng = np.random.default_rng(seed)
    hz = np.where(rng.random(400) < 1 / 3, 0, rng.uniform(100, 400, 400))
    pitch_hz = np.where(hz > 0, hz, 200) * np.where(rng.random(400) < 0.2, 1.5, 1.0)
    confidence = np.clip(rng.normal(np.where(hz > 0, 0.5, 0.2), 0.15), 0, 1)
    track = PitchTrack(np.arange(1, 401) * 0.010, hz, kind)
    clip = Clip(name, Path(f"{name}.wav"), "0" * 64, 16_000, np.zeros(64_000, np.float32), 16_000, 1, track)
    return clip, frames_of(69 + 12 * np.log2(pitch_hz / 440), confidence), hz


def overall(frames: Frames, hz: np.ndarray, threshold: float) -> float:
    times_s = np.arange(len(hz)) * 0.010
    estimate_hz = 440 * 2 ** ((frames.pitch_semitones - 69) / 12) * np.where(frames.confidence >= threshold, 1, -1)
    return mir_eval.melody.evaluate(times_s, hz, times_s, estimate_hz)["Overall Accuracy"]


def test_advised_threshold_is_the_best_on_the_calibration_clips() -> None:
    calibration, scored, other = drawn(1, "sung/calibrate/a"), drawn(2, "b"), drawn(3, "c", "consensus")
    advice = advised_threshold([calibration[:2], other[:2]], [scored[:2], other[:2]], STREAM, 0.0, 0.12)
    shares = {percent / 100: overall(*calibration[1:], percent / 100) for percent in range(1, 100)}
    assert shares[advice.threshold] == advice.calibration_overall == pytest.approx(max(shares.values()))
    assert advice.overall == pytest.approx(overall(*scored[1:], advice.threshold))
    assert advice.program_overall == pytest.approx(overall(*scored[1:], 0.12))
    assert advice.program_overall < advice.overall
    assert (advice.kind, advice.chosen_on_text) == ("annotated", "1 clip of sung/calibrate")


def test_without_what_it_needs_there_is_no_advice() -> None:
    clip, frames, _ = drawn(1, "a")
    voiced = Clip("v", clip.path, "", 16_000, clip.samples, 16_000, 1, PitchTrack(np.array([0.0, 9.0]), np.ones(2)))
    for pairs, delay_ms, reason in (
        ([(clip, frames)], None, "the delay is not known: no calibration clip has a known, voiced f0"),
        ([], 0.0, ONE_CLASS),
        ([(voiced, frames)], 0.0, ONE_CLASS),
    ):
        advice = advised_threshold(pairs, [], STREAM, delay_ms, 0.12)
        assert advice.threshold is None and set(advice.null_reasons.values()) == {reason}
    unscored = advised_threshold([(clip, frames)], [], STREAM, 0.0, 0.12)
    assert unscored.threshold is not None and unscored.null_reasons["overall"] == "no scored clip has a known f0"


@pytest.mark.parametrize(
    ("overall", "line"),
    [
        (
            0.952,
            "threshold   0.31 makes 95.2% of frames right, 0.12 as now 94.0% (chosen on 2 clips of sung/calibrate); ",
        ),
        (
            0.940,
            "threshold   0.12 makes 94.0% of frames right; no other is better (chosen on 2 clips of sung/calibrate)",
        ),
        (None, ""),
    ],
)
def test_run_and_bundle_state_the_advice(overall: float | None, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    advice = AdvisedThreshold.absent("not known")
    if overall is not None:
        advice = AdvisedThreshold(
            threshold=0.31,
            kind="annotated",
            chosen_on=("sung/calibrate/a", "sung/calibrate/b"),
            calibration_overall=0.97,
            overall=overall,
            program_threshold=0.12,
            program_overall=0.94,
        )
    print_results([(stored(advised_threshold=advice), Path("x"))])
    printed = capsys.readouterr().out
    assert line in printed if line else "threshold" not in printed
    assert ("--set postprocess.confidence_threshold=0.31" in printed) == (overall == 0.952)
    assert (
        "the best threshold on 2 clips of sung/calibrate" in readme(described(stored(advised_threshold=advice)))
    ) == (overall is not None)
    if overall == 0.952:
        rendered = advice.replace(chosen_on=("synthetic/calibrate/a",))
        print_results([(stored(advised_threshold=rendered), Path("x"))])
        printed = capsys.readouterr().out
        assert "their rests are digital silence" in printed and "--set postprocess" not in printed
