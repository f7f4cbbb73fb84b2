"""Golden audio and frames: their files keep every bit, and their tolerance is what nudges of the audio do."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.helpers.bundles import STREAM, golden_of
from workbench.bundle import verify_standalone as standalone
from workbench.bundle.golden import _tolerance, encode_wav, record_golden, to_csv
from workbench.errors import ProgramError


def test_encode_wav_has_known_bytes_and_reads_back(tmp_path: Path) -> None:
    """The header has 58 bytes with `fmt ` and `fact`: the same bytes each time and with any library."""
    audio = np.random.default_rng(0).uniform(-2, 2, (3, 1001)).astype(np.float32)
    path = tmp_path / "audio.wav"
    path.write_bytes(encode_wav(audio, 44_100))
    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    assert rate_hz == 44_100
    np.testing.assert_array_equal(samples.T, audio)
    np.testing.assert_array_equal(standalone.read_audio(path), audio)
    header = bytes.fromhex(
        "52494646c201000057415645666d7420120000000300010080bb000000ee0200040020000000666163740400000064000000"
        "6461746190010000"
    )
    assert encode_wav(audio[:1, :100], 48_000) == header + audio[:1, :100].tobytes()


def test_to_csv_keeps_every_bit_and_the_calls(tmp_path: Path) -> None:
    golden = golden_of(replace(STREAM, streams=2, max_frames_per_chunk=4), (3, 1, 4))
    path = tmp_path / "frames.csv"
    path.write_text(to_csv(golden))
    columns = standalone.read_frames(path)
    assert columns["call"].tolist() == [0] * 6 + [1] * 2 + [2] * 8
    assert columns["frame"].tolist() == [frame for frame in range(8) for _ in range(2)]
    assert columns["stream"].tolist() == [0, 1] * 8
    for names, frames in ((standalone.COLUMNS[3:], golden.expected), (standalone.WITHIN, golden.within)):
        table = np.stack([columns[name].astype(np.float32) for name in names])
        np.testing.assert_array_equal(table, frames.transpose(0, 2, 1).reshape(3, -1))


def test_tolerance_is_four_times_the_largest_move() -> None:
    #                    steady  steady  two pitches tie  not voiced
    expected = np.array([[[60.0, 61.0, 62.0, 63.0]], [[0.9, 0.8, 0.7, 0.1]], [[1.0, 2.0, 4.0, 8.0]]], np.float32)
    moved = np.stack([expected, expected])
    moved[0, 0] += [[0.01, 0, 12, 5]]
    moved[1, 0] -= [[0, 0.02, 0, 0]]
    moved[0, 1, 0, 3] += 0.01
    moved[1, 2] *= 1.25
    within, tolerance = _tolerance(expected, moved, 0.5)
    assert (tolerance.frames, tolerance.pitch_frames, tolerance.unsteady_frames) == (4, 2, 1)
    assert tolerance.pitch_cents == pytest.approx(8, rel=1e-3)
    assert tolerance.confidence == pytest.approx(0.04, rel=1e-5)
    assert tolerance.volume_relative == pytest.approx(1, rel=1e-5)
    np.testing.assert_allclose(within[0], [[0.08, 0.08, np.inf, np.inf]], rtol=1e-3)
    np.testing.assert_allclose(within[2], expected[2], rtol=1e-5)
    unmoved = _tolerance(expected, expected[None], 0.5)[1]
    assert (unmoved.pitch_cents, unmoved.confidence, unmoved.volume_relative) == (0.1, 1e-3, 1e-3)


@pytest.mark.parametrize(("clip", "value"), [(0, np.nan), (3, np.inf)])
def test_record_golden_of_frames_not_finite_raises(clip: int, value: float) -> None:
    outputs = np.ones((9, 3, 1, 50), np.float32)  # of the audio and of eight nudges
    outputs[clip, 0, 0, 7] = value
    phrase = SimpleNamespace(samples=np.ones(48_000, np.float32))
    catalog: Any = SimpleNamespace(clips=lambda: ("synthetic/score/phrase",), read=lambda *_: phrase)
    child: Any = SimpleNamespace(call=lambda *_: list(outputs))
    with pytest.raises(ProgramError, match=r"^a\.pte: returns NaN or infinity on the golden audio"):
        record_golden(child, Path("a.pte"), STREAM, catalog, 1.0, 0.5)
