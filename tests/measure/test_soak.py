"""A long stream, short: its segments, its reports, and a session that goes wrong slowly."""

from pathlib import Path

import numpy as np
import pytest

from tests.helpers.records.bench import BASELINE
from tests.helpers.records.soak import DriftingSession
from workbench.measure import soak
from workbench.measure.soak import PythonProgram, SoakWorker, long_stream
from workbench.recipe.stream_config import StreamConfig


def test_a_drift_shows_from_segment_to_segment() -> None:
    steady, drifting = DriftingSession(0.0), DriftingSession(0.125)
    clip = np.repeat(np.arange(3, dtype=np.float32), 100)
    samples = np.concatenate([clip, clip[:50]])  # the last half call is cut off
    reports = list(long_stream(steady, PythonProgram(drifting), samples, 4 / 3600, 0.5, segments=4))  # 4 s, 40 calls
    segments = [report.segment for report in reports]
    assert [segment.pitch.max_cents for segment in segments] == [125, 250, 375, 500]
    assert drifting.inputs == steady.inputs == [float(call % 3) for call in range(40)]
    assert all(segment.resident_bytes > 1_000_000 and segment.confidence_max == 0 for segment in segments)
    assert [segment.until_s for segment in segments] == [report.until_s for report in reports] == [1, 2, 3, 4]
    assert [(segment.frames, segment.voiced_frames) for segment in segments] == [(10, 10)] * 4
    assert [(report.calls_done, report.calls) for report in reports] == [(10, 40), (20, 40), (30, 40), (40, 40)]


@pytest.mark.parametrize(
    ("hop_samples", "seconds", "calls_done"),
    [(100, 150, [600, 1200, 1500]), (130_000, 260, [1, 2])],  # each minute of audio, or each longer call
)
def test_progress_is_reported_every_minute(hop_samples: int, seconds: int, calls_done: list[int]) -> None:
    session = DriftingSession(0.0)
    session.stream = StreamConfig(1000, hop_samples, 1, 0.0)
    reports = list(
        long_stream(session, PythonProgram(session), np.ones(hop_samples, np.float32), seconds / 3600, 0.5, segments=1)
    )
    assert [report.calls_done for report in reports] == calls_done
    assert [report.segment is not None for report in reports] == [*[False] * (len(calls_done) - 1), True]


@pytest.mark.parametrize(("drifts", "counts"), [((np.nan, 0.0), (10, 0)), ((0.0, np.nan), (0, 10))])
def test_nonfinite_frames_are_counted_on_their_side(drifts: tuple[float, float], counts: tuple[int, int]) -> None:
    (report,) = long_stream(
        DriftingSession(drifts[0]),
        PythonProgram(DriftingSession(drifts[1])),
        np.ones(300, np.float32),
        1 / 3600,
        0.5,
        segments=1,
    )
    assert (report.segment.baseline_nonfinite_frames, report.segment.nonfinite_frames) == counts


def test_a_worker_streams_on_from_call_to_call(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []
    monkeypatch.setattr(soak, "set_num_threads", threads.append)
    monkeypatch.setattr(soak, "open_program", lambda _: DriftingSession(0.125))
    monkeypatch.setattr(type(BASELINE), "session", lambda _: DriftingSession(0.0))
    worker = SoakWorker(BASELINE, Path("program.pte"), np.ones(300, np.float32), 12 / 3600, 0.5, 2)
    assert [worker.advance().calls_done for _ in range(3)] == [10, 20, 30]  # of 120 calls in twelve segments
    assert threads == [2]
