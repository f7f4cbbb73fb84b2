"""The measured delay against sessions whose delay is known, and against what upstream's geometry says."""

import numpy as np
import pytest

from tests.helpers.frames import frames_of
from workbench.measure.tones.delay import StepDelay, pitch_step_signal, step_delay
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.session import Frames, Session, run_chunks
from workbench.units import semitones_to_hz

STREAM = StreamConfig(16_000, 320, 1, 0.0)


class LateSession:
    """Returns the pitch of the tone `lag_samples` before the end of each hop.

    The pitch is off by `shift` semitones. `leaves` samples after it has reached a new pitch, it is 20 semitones off
    for two chunks, as an estimate in transition may be.
    """

    def __init__(self, stream: StreamConfig, lag_samples: int, shift: float = 0.0, leaves: float = np.inf) -> None:
        self.stream, self.lag_samples, self.shift, self.leaves = stream, lag_samples, shift, leaves
        self.staircase = pitch_step_signal(stream)
        self.received = 0

    def reset(self) -> None:
        self.received = 0

    def step(self, chunk: np.ndarray) -> Frames:
        ends = self.received + (np.arange(self.stream.frames_per_chunk) + 1) * self.stream.hop_samples
        described = ends - self.lag_samples
        begun = self.received - self.lag_samples
        since = begun - self.staircase.onsets[self.staircase.onsets <= begun].max(initial=-(10**9))
        self.received += len(chunk)
        known = self.staircase.semitones
        pitch = known[np.clip(described, 0, len(known) - 1)] + self.shift
        return frames_of(pitch + (20 if self.leaves <= since < self.leaves + 640 else 0))


def measured(session: Session) -> StepDelay:
    staircase = pitch_step_signal(session.stream)
    return step_delay(run_chunks(session, staircase.samples), staircase, session.stream)


def test_the_tone_steps_all_over_the_chunk() -> None:
    steps = pitch_step_signal(STREAM)
    assert steps.samples.dtype == np.float32 and np.abs(steps.samples).max() < 1
    assert np.flatnonzero(np.diff(steps.semitones)).tolist() == (steps.onsets - 1).tolist()
    assert sorted(steps.onsets % STREAM.chunk_samples) == list(range(10, 320, 20))


def test_the_tone_has_the_stated_pitch() -> None:
    """By its strongest partial between two steps, which is the first."""
    steps = pitch_step_signal(STREAM)
    for start, end in zip(steps.onsets[:4], steps.onsets[1:5], strict=True):
        spectrum = np.abs(np.fft.rfft(steps.samples[start:end] * np.hanning(end - start), 16 * (end - start)))
        strongest_hz = spectrum.argmax() * STREAM.sample_rate_hz / (16 * (end - start))
        assert strongest_hz == pytest.approx(semitones_to_hz(steps.semitones[start]), abs=0.3)


@pytest.mark.parametrize("lag_samples", [0, 1, 320, 3000])
@pytest.mark.parametrize(("hop_samples", "frames_per_chunk"), [(320, 1), (160, 4)])
def test_the_delay_is_the_lag_and_half_a_chunk(lag_samples: int, hop_samples: int, frames_per_chunk: int) -> None:
    stream = StreamConfig(16_000, hop_samples, frames_per_chunk, 0.0)
    found = measured(LateSession(stream, lag_samples))
    resolution_ms = stream.chunk_ms / 16  # 16 steps are evenly spread in the chunk
    expected_ms = 1000 * lag_samples / 16_000 + stream.chunk_ms / 2
    assert found.delay_ms == pytest.approx(expected_ms, abs=1.01 * resolution_ms)
    assert found.longest_ms - found.shortest_ms <= stream.chunk_ms
    assert (found.followed, found.steps) == (16, 16)


def test_the_delay_ends_when_the_pitch_stays() -> None:
    steady, wavering = measured(LateSession(STREAM, 500)), measured(LateSession(STREAM, 500, leaves=0))
    assert wavering.delay_ms == pytest.approx(steady.delay_ms + 60, abs=1)
    assert measured(LateSession(STREAM, 500, shift=0.9)) == steady  # below half a step


@pytest.mark.parametrize(("lag_samples", "shift"), [(10**6, 0), (0, np.nan), (8000, 0)], ids=["stuck", "nan", "late"])
def test_a_session_that_does_not_follow_has_no_delay(lag_samples: int, shift: float) -> None:
    reason = "the pitch follows 0 of 16 steps (at least 12 required)"
    nulls = dict.fromkeys(("delay_ms", "shortest_ms", "longest_ms"), reason)
    expected = StepDelay(**dict.fromkeys(nulls), followed=0, steps=16, null_reasons=nulls)
    assert measured(LateSession(STREAM, lag_samples, shift)) == expected


@pytest.mark.slow
def test_upstream_is_as_late_as_its_geometry_says() -> None:
    """At mirror 0 the window is whole, and its middle is when half of it has received the step. At mirror 1 its second
    half is zeros: its weight lies before its middle, so the measured delay is longer than geometry gives."""
    from workbench.model.streaming import StreamingPesto
    from workbench.model.upstream import load_upstream
    from workbench.runtime.eager import UpstreamSession

    found, expected = [], []
    for mirror in (0.0, 1.0):
        stream = StreamConfig(16_000, 320, 1, mirror)
        upstream = load_upstream("mir-1k_g7", stream)
        expected.append(StreamingPesto(upstream, stream).algorithmic_ms + stream.chunk_ms / 2)
        found.append(measured(UpstreamSession(upstream, stream)).delay_ms)
    assert expected[0] - expected[1] == pytest.approx(118, abs=0.1)
    assert found[0] == pytest.approx(expected[0], abs=2)
    assert 0 <= found[1] - expected[1] < 10
