"""From blocks to frames: what comes out is what a run of the same audio gives, however the audio is cut."""

import re
from pathlib import Path

import numpy as np
import pytest
import soxr

from tests.helpers.live import MeanSession
from workbench.errors import ProgramError
from workbench.live.blocks import BlockReader, encode_block
from workbench.live.lane import Lane
from workbench.live.pump import SessionPump, Step
from workbench.live.sessions import open_live_program
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.session import run_chunks

Floats = np.ndarray


def steps_of(session: object, samples: Floats, rate_hz: int, sizes: list[int]) -> list[Step]:
    """The steps of a pump that receives the samples in blocks of these sizes, over and over."""
    reader, pump, steps, begin, number = BlockReader(), SessionPump(session, 10.0), [], 0, 0  # type: ignore[arg-type]
    while begin < len(samples):
        end = begin + sizes[number % len(sizes)]
        for block in reader.read(encode_block(number, rate_hz, samples[begin:end])):
            steps += pump.push(block)
        begin, number = end, number + 1
    return steps


@pytest.mark.parametrize("sizes", [[1], [256], [160], [7, 1, 513], [16_000]])
def test_frames_do_not_depend_on_the_blocks(sizes: list[int]) -> None:
    samples = np.random.default_rng(1).normal(size=8100).astype(np.float32)
    steps = steps_of(MeanSession(), samples, 8000, sizes)
    whole = samples[:8000]
    expected = [np.mean(whole[:end], dtype=np.float64) for end in range(80, 8001, 80)]
    assert np.concatenate([step.pitch_semitones for step in steps]) == pytest.approx(expected, abs=1e-6)
    assert np.concatenate([step.time_s for step in steps]) == pytest.approx(np.arange(1, 101) * 0.01 - 0.01)


@pytest.mark.parametrize("rate_hz", [44_100, 48_000, 16_000])
def test_resampled_stream_is_that_of_a_file(rate_hz: int) -> None:
    received: list[Floats] = []

    class Recorder(MeanSession):
        def step(self, chunk: Floats) -> object:  # type: ignore[override]
            received.append(chunk)
            return super().step(chunk)

    samples = (0.3 * np.sin(2 * np.pi * 440 * np.arange(rate_hz) / rate_hz)).astype(np.float32)
    steps_of(Recorder(), samples, rate_hz, [256, 100])
    streamed = np.concatenate(received)
    assert len(streamed) > 6500  # the resampler has not returned the rest
    expected = soxr.resample(samples, rate_hz, 8000, quality="VHQ")[: len(streamed)]
    assert np.abs(streamed - expected)[80:].max() < 1e-4


def test_new_rate_starts_again() -> None:
    """A headset is plugged in: the session is reset, and the time goes on."""
    reader, pump = BlockReader(), SessionPump(MeanSession(), 0.0)  # type: ignore[arg-type]
    messages = [encode_block(0, 8000, np.full(400, 0.9)), encode_block(1, 16_000, np.full(8000, 0.1))]
    steps = [step for each in messages for block in reader.read(each) for step in pump.push(block)]
    after = [step for step in steps if step.time_s[0] > 0.05]
    assert reader.rate_changes == 1
    assert after[0].time_s == pytest.approx([0.06, 0.07])  # 50 ms after the start, and then whole hops
    assert after[-1].pitch_semitones == pytest.approx(0.1, abs=1e-3)


def lane_of(session: MeanSession, blocks: int) -> tuple[Lane, list[Step], list[str]]:
    steps: list[Step] = []
    failures: list[str] = []
    lane = Lane(SessionPump(session, 0.0), steps.append, failures.append)  # type: ignore[arg-type]
    reader = BlockReader()
    for number in range(blocks):
        for block in reader.read(encode_block(number, 8000, np.zeros(160))):
            lane.put(block)
    assert lane.wait(20)
    lane.close()
    return lane, steps, failures


def test_slow_session_misses_deadlines_and_skips_audio() -> None:
    lane, steps, _ = lane_of(MeanSession(delay_s=0.03), 120)
    status = lane.status()
    assert status.missed > 0 and status.skipped_ms > 1000 and (status.p50_ms, status.p99_ms) == (1.0, 1.0)
    assert len(steps) < 60 and steps[-1].time_s[-1] == pytest.approx(2.4)  # what remains has its own time


def test_failed_session_ends_by_itself() -> None:
    lane, steps, failures = lane_of(MeanSession(fails_at=3), 10)
    assert (len(steps), failures, lane.status().failed) == (2, ["it crashed"], "it crashed")


@pytest.mark.slow
def test_program_gives_the_frames_of_a_run(program: Path, stream: StreamConfig, sing: object) -> None:
    samples = sing(16_000, 1.0)  # type: ignore[operator]
    session = open_live_program(program, None)
    try:
        expected = run_chunks(session, samples)
        steps = steps_of(session, samples, 16_000, [256])
    finally:
        session.close()
    assert not session.native
    for name in ("pitch_semitones", "confidence"):
        found = np.concatenate([getattr(step, name) for step in steps])
        np.testing.assert_array_equal(found, getattr(expected, name)[: len(found)])
    assert len(found) == len(expected) and all(step.call_ms > 0 for step in steps)


@pytest.mark.slow
def test_damaged_program_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.pte").write_bytes(b"no program")
    with pytest.raises(ProgramError, match=re.escape(f"{tmp_path / 'x.pte'}: ")):
        open_live_program(tmp_path / "x.pte", None)
