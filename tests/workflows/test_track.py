"""An exported program on audio files: the right pitch at the right time, and each format as its readers expect it."""

import csv
import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from workbench.errors import AudioError, WorkbenchError

pytestmark = pytest.mark.slow

TONE_HZ = 440.0


def tone(seconds: float, rate_hz: int) -> np.ndarray:
    """A4 with four harmonics."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    return 0.2 * sum(np.sin(2 * np.pi * n * TONE_HZ * time_s) / n for n in (1, 2, 3, 4))


@pytest.fixture(scope="module")
def tone_wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a second of silence, one second of tone, half a second of silence."""
    path = tmp_path_factory.mktemp("audio") / "tone.wav"
    silence = np.zeros(22_050)
    soundfile.write(path, np.concatenate([silence, tone(1.0, 44_100), silence]), 44_100)
    return path


@pytest.fixture(scope="module")
def tracked(tone_wav: Path, program: Path):  # -> Track
    from workbench.workflows.track import track

    return track(tone_wav, program)


def cents(frequency_hz: np.ndarray) -> np.ndarray:
    return 1200 * np.log2(frequency_hz / TONE_HZ)


def test_a_tone_has_its_frequency_while_it_sounds(tracked) -> None:
    sounding = (tracked.time_s > 0.6) & (tracked.time_s < 1.4)
    confident = tracked.confidence >= 0.5
    assert (sounding & confident).sum() >= 30
    assert np.abs(cents(tracked.frequency_hz[sounding & confident])).max() <= 5
    assert tracked.time_s[confident].min() == pytest.approx(0.5, abs=0.06)
    assert tracked.time_s[confident].max() == pytest.approx(1.5, abs=0.06)


def test_times_cover_the_file(tracked) -> None:
    assert 0 <= tracked.time_s[0] < 0.02
    assert 1.98 < tracked.time_s[-1] <= 2.0
    np.testing.assert_allclose(np.diff(tracked.time_s), 0.02, rtol=1e-9)
    assert len(tracked.time_s) == len(tracked.frequency_hz) == len(tracked.confidence)


def test_a_low_rate_and_two_channels_change_nothing(tmp_path: Path, program: Path) -> None:
    from workbench.workflows.track import track

    path = tmp_path / "stereo.flac"
    both = tone(1.0, 8_000)
    soundfile.write(path, np.stack([1.5 * both, 0.5 * both], -1), 8_000)
    found = track(path, program)
    confident = (found.confidence >= 0.5) & (found.time_s > 0.1) & (found.time_s < 0.9)
    assert confident.sum() >= 30
    assert np.abs(cents(found.frequency_hz[confident])).max() <= 5


def test_a_file_shorter_than_a_chunk(tmp_path: Path, program: Path) -> None:
    from workbench.workflows.track import encode, track

    path = tmp_path / "click.wav"
    soundfile.write(path, np.array([0.5]), 16_000)
    found = track(path, program)
    for suffix in (".csv", ".json", ".png"):
        assert encode(found, suffix)


def test_csv_is_as_the_pesto_command_writes_it(tracked) -> None:
    from workbench.workflows.track import encode

    text = encode(tracked, ".csv").decode()
    rows = list(csv.reader(io.StringIO(text)))
    assert text.startswith("time,frequency,confidence\n")
    assert all(len(cell.split(".")[1]) == 3 for row in rows[1:] for cell in row)
    time_ms, hz, confidence = np.loadtxt(io.StringIO(text), delimiter=",", skiprows=1, unpack=True)
    np.testing.assert_allclose(time_ms, 1000 * tracked.time_s, atol=6e-4)
    np.testing.assert_allclose(hz, tracked.frequency_hz, atol=6e-4)
    np.testing.assert_allclose(confidence, tracked.confidence, atol=6e-4)


def test_json_says_the_same_by_name(tracked, tone_wav: Path) -> None:
    from workbench.workflows.track import encode

    found = json.loads(encode(tracked, ".json"))
    assert found["audio"] == str(tone_wav)
    assert (found["sample_rate_hz"], found["hop_samples"]) == (16_000, 320)
    np.testing.assert_allclose(found["time_ms"], 1000 * tracked.time_s, atol=6e-4)
    np.testing.assert_allclose(found["frequency_hz"], tracked.frequency_hz, atol=6e-4)
    np.testing.assert_allclose(found["confidence"], tracked.confidence, atol=6e-5)


def test_png_is_a_picture(tracked) -> None:
    import matplotlib.image

    from workbench.workflows.track import encode

    content = encode(tracked, ".png")
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    height, width, _ = matplotlib.image.imread(io.BytesIO(content)).shape
    assert width > height > 300


def test_another_format_is_refused(tracked) -> None:
    from workbench.workflows.track import encode

    for suffix, shown in ((".txt", ".txt"), ("", "no suffix")):
        with pytest.raises(WorkbenchError) as caught:
            encode(tracked, suffix)
        assert str(caught.value) == f"{shown}: unknown format; use .csv, .json, .png"


def test_missing_audio_is_refused(program: Path, tmp_path: Path) -> None:
    from workbench.workflows.track import track

    with pytest.raises(AudioError) as caught:
        track(tmp_path / "absent.wav", program)
    assert str(caught.value) == f"{tmp_path / 'absent.wav'}: no such audio file; check the path"


@pytest.mark.skipif("WORKBENCH_SUNG" not in os.environ, reason="WORKBENCH_SUNG names no folder of real singing")
def test_real_singing_agrees_with_the_pesto_package(program: Path) -> None:
    """Streaming at mirror 1 against the package's own result, which receives each frame's whole window."""
    import torch

    import workbench.model.upstream  # noqa: F401  (it stands in for torchaudio)
    import pesto  # isort: skip

    from workbench.audio.decode import find_audio, read_clip
    from workbench.workflows.track import track

    for path in find_audio(Path(os.environ["WORKBENCH_SUNG"])):
        clip = read_clip(path, 16_000)
        time_ms, hz, confidence, _ = pesto.predict(
            torch.tensor(clip.samples), 16_000, step_size=20.0, model_name="mir-1k_g7", convert_to_freq=True
        )
        found = track(path, program)
        expected_hz = np.interp(1000 * found.time_s, time_ms.numpy(), hz.numpy())
        expected_confidence = np.interp(1000 * found.time_s, time_ms.numpy(), confidence.numpy())
        sung = (found.confidence >= 0.5) & (expected_confidence >= 0.5)
        assert sung.sum() >= 50, path.name
        off = np.abs(1200 * np.log2(found.frequency_hz[sung] / expected_hz[sung]))
        assert np.median(off) <= 15, path.name
        assert (off <= 50).mean() >= 0.9, path.name
