"""The errors on rendered sounds against sessions whose errors are known, and the sounds against their spectrum."""

import numpy as np
import pytest

from tests.helpers.frames import frames_of
from workbench.measure.tones.delay import StepDelay
from workbench.measure.tones.steadiness import PitchErrors, pitch_errors, side_steadiness, steady_sounds
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.session import Frames, frame_end_s
from workbench.units import semitones_to_hz

STREAM = StreamConfig(16_000, 320, 1, 0.0)
SOUNDS = steady_sounds(16_000)


def delay_of(lag_ms: float | None) -> StepDelay:
    names = ("delay_ms", "shortest_ms", "longest_ms")
    values = dict.fromkeys(names, None if lag_ms is None else lag_ms + 10)  # half a chunk
    return StepDelay(
        **values, followed=16, steps=16, null_reasons={} if lag_ms is not None else dict.fromkeys(names, "late")
    )


def late_frames(lag_ms: float, errors_cents: tuple[float, ...]) -> Frames:
    """Frames that describe the sound `lag_ms` before their end, with these errors in turn."""
    count = len(SOUNDS.samples) // 320
    known, _ = SOUNDS.at(frame_end_s(count, STREAM) - lag_ms / 1000)
    return frames_of(np.nan_to_num(known, nan=30.0) + np.resize(errors_cents, count) / 100)


@pytest.mark.parametrize("rate_hz", [16_000, 44_100])
def test_each_tone_has_the_stated_pitch(rate_hz: int) -> None:
    """By the strongest partial of its middle, which is the first."""
    sounds = steady_sounds(rate_hz)
    assert sounds.samples.dtype == np.float32 and np.abs(sounds.samples).max() < 1
    for tone in range(sounds.tones):
        begin = np.flatnonzero(sounds.sound == tone)[0] / 48_000 + 0.1
        part = sounds.samples[round(begin * rate_hz) : round((begin + 0.3) * rate_hz)]
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)), 32 * len(part)))
        known, _ = sounds.at(np.array([begin]))
        assert spectrum.argmax() * rate_hz / (32 * len(part)) == pytest.approx(semitones_to_hz(known)[0], abs=0.3)


@pytest.mark.parametrize("lag_ms", [0.0, 20.0, 128.0])
def test_errors_are_those_of_the_session_after_its_delay(lag_ms: float) -> None:
    found = side_steadiness(late_frames(lag_ms, (5.0, 5.0, 5.0, -3.0)), STREAM, delay_of(lag_ms))
    assert found.glides and found.tones.frames > 100 and found.glides.frames > 100
    for errors in (found.tones, found.glides):
        assert errors.bias_cents == pytest.approx(5, abs=0.1)
        assert errors.p95_cents == pytest.approx(5, abs=0.2)
        assert errors.std_cents == pytest.approx(3.46, abs=0.15)  # 8 * sqrt(3) / 4
        assert errors.over_50_cents_rate == 0
    wrong_lag = side_steadiness(late_frames(lag_ms + 20, (0.0,)), STREAM, delay_of(lag_ms))
    assert wrong_lag.tones.p95_cents == pytest.approx(0, abs=1e-3)  # a tone does not change
    assert wrong_lag.glides and wrong_lag.glides.p95_cents == pytest.approx(6, abs=0.1)  # 3 semitones a second


def test_glides_need_a_delay() -> None:
    found = side_steadiness(late_frames(0, (0.0,)), STREAM, delay_of(None))
    assert (found.glides, found.null_reasons) == (None, {"glides": "late"})


@pytest.mark.parametrize(
    ("cents", "groups", "expected"),
    [
        ([1, 3, -1, -3], [0, 0, 1, 1], (4, 1.0, 3.0, 0.0, 0.0)),  # 1 around the means 2 and -2
        ([0, 0, 0, 1200], [0, 0, 0, 0], (4, 0.0, 1020.0, 0.0, 0.25)),  # a jump does not make a tone unsteady
        ([80, 90], [0, 0], (2, None, 89.5, 85.0, 1.0)),
        ([np.nan, 1], [0, 0], (2, None, None, None, None)),
        ([], [], (0, None, None, None, None)),
    ],
)
def test_figures_of_errors(cents: list[float], groups: list[int], expected: tuple[float | None, ...]) -> None:
    found = pitch_errors(np.array(cents, np.float64), np.array(groups, np.int64))
    names = [name for name in PitchErrors.model_fields if name != "null_reasons"]
    assert tuple(getattr(found, name) for name in names) == pytest.approx(expected)
    assert set(found.null_reasons) == {name for name in names if getattr(found, name) is None}
