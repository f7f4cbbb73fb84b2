"""The measured delay against sessions whose delay is known, and against what upstream's geometry says."""

import numpy as np
import pytest

from workbench.measure.delay import StepDelay, pitch_step_signal, step_delay
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.session import Frames
from workbench.units import semitones_to_hz

STREAM = StreamConfig(16_000, 320, 1, 0.0)


class Late:
    """A session that returns the pitch of the tone `lag_samples` before the end of each hop."""

    def __init__(self, stream: StreamConfig, lag_samples: int, shift_semitones: float = 0.0) -> None:
        self.stream, self.lag_samples, self.shift = stream, lag_samples, shift_semitones
        self.known = pitch_step_signal(stream).semitones
        self.received = 0

    def reset(self) -> None:
        self.received = 0

    def step(self, chunk: np.ndarray) -> Frames:
        ends = self.received + (np.arange(self.stream.frames_per_chunk) + 1) * self.stream.hop_samples
        self.received += len(chunk)
        return self.frames(self.known[np.clip(ends - self.lag_samples, 0, len(self.known) - 1)] + self.shift)

    def frames(self, pitch: np.ndarray) -> Frames:
        pitch = np.asarray(pitch, np.float32)
        return Frames(pitch, np.ones_like(pitch), np.ones_like(pitch))


def test_the_tone_steps_where_it_says_and_nowhere_else() -> None:
    steps = pitch_step_signal(STREAM)
    assert steps.samples.dtype == np.float32
    assert np.flatnonzero(np.diff(steps.semitones)).tolist() == (steps.onsets - 1).tolist()
    places = np.sort(steps.onsets % STREAM.chunk_samples)
    assert places.tolist() == list(range(10, 320, 20))  # evenly spread in the chunk, around its middle
    assert np.abs(steps.samples).max() < 1


def test_the_tone_has_the_pitch_it_says() -> None:
    """By its strongest partial between two steps, which is the first."""
    steps = pitch_step_signal(STREAM)
    for start, end in zip(steps.onsets[:4], steps.onsets[1:5], strict=True):
        part = steps.samples[start:end] * np.hanning(end - start)
        spectrum = np.abs(np.fft.rfft(part, 16 * len(part)))
        strongest_hz = spectrum.argmax() * STREAM.sample_rate_hz / (16 * len(part))
        assert strongest_hz == pytest.approx(semitones_to_hz(steps.semitones[start]), abs=0.3)


@pytest.mark.parametrize("lag_samples", [0, 1, 100, 320, 1000, 3000])
@pytest.mark.parametrize("hop_samples", [160, 320])
@pytest.mark.parametrize("frames_per_chunk", [1, 4])
def test_a_known_delay_is_found_and_half_a_chunk_on_top(
    lag_samples: int, hop_samples: int, frames_per_chunk: int
) -> None:
    stream = StreamConfig(16_000, hop_samples, frames_per_chunk, 0.0)
    found = step_delay(Late(stream, lag_samples))
    grain_ms = 1000 * hop_samples / 16_000 / 16  # the places of the steps are that far apart, times frames_per_chunk
    expected_ms = 1000 * lag_samples / 16_000 + stream.chunk_ms / 2
    assert found.delay_ms == pytest.approx(expected_ms, abs=1.01 * grain_ms * frames_per_chunk)
    assert found.longest_ms - found.shortest_ms <= stream.chunk_ms
    assert (found.followed, found.steps) == (16, 16)


def test_an_offset_below_half_a_step_is_the_same_delay() -> None:
    assert step_delay(Late(STREAM, 500, shift_semitones=0.9)) == step_delay(Late(STREAM, 500))


class Once(Late):
    """Jumps to the new pitch and falls back for two chunks, as an estimate in transition may."""

    def frames(self, pitch: np.ndarray) -> Frames:
        position = self.received - self.lag_samples
        onsets = pitch_step_signal(self.stream).onsets
        since = position - onsets[onsets <= position].max(initial=-(10**9))
        return super().frames(pitch + (20 if 320 <= since < 960 else 0))


def test_the_delay_ends_where_the_pitch_stays() -> None:
    assert step_delay(Once(STREAM, 500)).delay_ms == pytest.approx(step_delay(Late(STREAM, 500)).delay_ms + 60, abs=1)


class Stuck(Late):
    def frames(self, pitch: np.ndarray) -> Frames:
        return super().frames(np.full_like(pitch, 57.0))


class Broken(Late):
    def frames(self, pitch: np.ndarray) -> Frames:
        return super().frames(np.full_like(pitch, np.nan))


@pytest.mark.parametrize("session", [Stuck(STREAM, 0), Broken(STREAM, 0), Late(STREAM, 8000)])
def test_a_stream_that_does_not_follow_has_no_delay_and_says_so(session: Late) -> None:
    reason = "the pitch follows 0 of 16 steps of a tone"
    assert step_delay(session) == StepDelay(
        delay_ms=None,
        shortest_ms=None,
        longest_ms=None,
        followed=0,
        steps=16,
        null_reasons=dict.fromkeys(("delay_ms", "shortest_ms", "longest_ms"), reason),
    )


@pytest.mark.slow
def test_upstream_is_as_late_as_its_geometry_says() -> None:
    """At mirror 0 the window is whole, and its middle is when half of it has received the step. At mirror 1 its second
    half is zeros: its weight lies before its middle, so the measured delay is longer than geometry gives."""
    from workbench.model.streaming import StreamingPesto
    from workbench.model.upstream import load_upstream
    from workbench.runtime.eager import UpstreamSession

    measured, expected = {}, {}
    for mirror in (0.0, 1.0):
        stream = StreamConfig(16_000, 320, 1, mirror)
        upstream = load_upstream("mir-1k_g7", stream)
        expected[mirror] = StreamingPesto(upstream, stream).algorithmic_ms + stream.chunk_ms / 2
        delay_ms = step_delay(UpstreamSession(load_upstream("mir-1k_g7", stream), stream)).delay_ms
        assert delay_ms is not None
        measured[mirror] = delay_ms
    assert expected[0.0] - expected[1.0] == pytest.approx(118, abs=0.1)
    assert measured[0.0] == pytest.approx(expected[0.0], abs=2)
    assert 0 <= measured[1.0] - expected[1.0] < 10
    assert measured[0.0] - measured[1.0] == pytest.approx(expected[0.0] - expected[1.0], abs=10)
