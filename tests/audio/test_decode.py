"""Decoding, mixing and resampling, against files written here sample by sample."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from workbench.audio import find_audio, read_clip
from workbench.errors import AudioError


def sine(hz: float, rate_hz: int, duration_s: float = 1.0, amplitude: float = 0.5) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * hz * np.arange(round(rate_hz * duration_s)) / rate_hz)


def amplitude_at(samples: np.ndarray, hz: float, rate_hz: int) -> float:
    """Amplitude of the part at `hz`, by projection on a Hann-windowed complex exponential."""
    window = np.hanning(len(samples))
    turn = np.exp(-2j * np.pi * hz * np.arange(len(samples)) / rate_hz)
    return float(2 * abs(np.sum(window * samples * turn)) / window.sum())


@pytest.mark.parametrize("rate_hz", [16_000, 48_000, 96_000])
def test_resampling_keeps_frequency_level_and_time(tmp_path: Path, rate_hz: int) -> None:
    soundfile.write(tmp_path / "a.wav", sine(440, 44_100), 44_100, "FLOAT")
    clip = read_clip(tmp_path / "a.wav", rate_hz)
    assert (clip.sample_rate_hz, clip.source_rate_hz, clip.channels) == (rate_hz, 44_100, 1)
    assert len(clip.samples) == rate_hz
    assert clip.duration_s == 1.0
    # The same sine sampled at the new rate: no delay, no change of level. The ends ring, as the file stops there.
    middle = slice(rate_hz // 10, -rate_hz // 10)
    assert np.abs(clip.samples - sine(440, rate_hz))[middle].max() < 1e-5


def test_resampling_filters_what_would_alias(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", sine(440, 48_000) + sine(15_000, 48_000, amplitude=0.3), 48_000, "FLOAT")
    samples = read_clip(tmp_path / "a.wav", 16_000).samples
    assert amplitude_at(samples, 440, 16_000) == pytest.approx(0.5, rel=1e-4)
    assert amplitude_at(samples, 1_000, 16_000) < 1e-5  # 16 kHz - 15 kHz: where it would alias to


def test_same_rate_keeps_the_samples(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).uniform(-1, 1, 1000).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", samples, 16_000, "FLOAT")
    clip = read_clip(tmp_path / "a.wav", 16_000)
    np.testing.assert_array_equal(clip.samples, samples)
    assert clip.samples.dtype == np.float32
    assert not clip.samples.flags.writeable


def test_channels_are_mixed_by_their_mean(tmp_path: Path) -> None:
    left, right = sine(200, 8000, amplitude=0.8), sine(300, 8000, amplitude=0.4)
    soundfile.write(tmp_path / "a.wav", np.column_stack([left, right]), 8000, "FLOAT")
    clip = read_clip(tmp_path / "a.wav", 48_000, name="sung/a")
    assert (clip.name, clip.channels, clip.source_rate_hz, len(clip.samples)) == ("sung/a", 2, 8000, 48_000)
    assert amplitude_at(clip.samples, 200, 48_000) == pytest.approx(0.4, rel=1e-3)
    assert amplitude_at(clip.samples, 300, 48_000) == pytest.approx(0.2, rel=1e-3)


@pytest.mark.parametrize(
    ("suffix", "subtype", "error"), [("flac", "PCM_24", 1e-6), ("ogg", "VORBIS", 0.02), ("mp3", None, 0.02)]
)
def test_read_clip_formats(tmp_path: Path, suffix: str, subtype: str | None, error: float) -> None:
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, sine(440, 44_100), 44_100, subtype)
    clip = read_clip(path, 44_100)
    assert clip.duration_s == pytest.approx(1.0, abs=0.06)  # mp3 pads to whole frames
    assert amplitude_at(clip.samples[4410:39_690], 440, 44_100) == pytest.approx(0.5, rel=error)
    assert clip.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert clip.name == "a"
    assert clip.f0 is None


@pytest.mark.parametrize(
    ("name", "message"), [("missing.wav", "no such audio file"), ("folder.wav", "got a folder; name one of its files")]
)
def test_path_that_is_no_file_raises(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(AudioError, match=f"{name}: .*{message}"):
        read_clip(tmp_path / name, 48_000)


def test_clip_that_changes_while_it_is_read_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, decode = tmp_path / "a.wav", soundfile.read
    soundfile.write(path, sine(440, 8000), 8000)

    def replaced(*args: object, **kwargs: object) -> object:
        soundfile.write(path, sine(220, 8000), 8000)
        return decode(*args, **kwargs)

    monkeypatch.setattr(soundfile, "read", replaced)
    with pytest.raises(AudioError, match="changed while it was read; wait until it is complete"):
        read_clip(path, 8000)


@pytest.mark.parametrize("suffix", ["wav", "aiff"])
def test_audio_after_an_id3_tag_is_unchanged(tmp_path: Path, suffix: str) -> None:
    path, tagged = tmp_path / f"a.{suffix}", tmp_path / f"tagged.{suffix}"
    soundfile.write(path, sine(440, 8000), 8000)
    tagged.write_bytes(b"ID3\x03\0\0" + bytes([0, 0, 2, 0]) + bytes(256) + path.read_bytes())  # size: 2 * 128
    np.testing.assert_array_equal(read_clip(tagged, 8000).samples, read_clip(path, 8000).samples)


def test_annotation_beside_a_clip_is_its_f0(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "take.1.wav", sine(440, 8000), 8000)
    (tmp_path / "take.1.csv").write_text("0.0, 0\n0.01, 440.5\n")
    f0 = read_clip(tmp_path / "take.1.wav", 8000).f0
    assert f0 is not None
    assert (f0.times_s.tolist(), f0.hz.tolist()) == ([0.0, 0.01], [0.0, 440.5])


def test_find_audio_is_sorted_and_skips_other_files(tmp_path: Path) -> None:
    for name in ("b.WAV", "a.flac", "c.m4a", "a.csv", "notes.txt", ".hidden.wav"):
        (tmp_path / name).touch()
    (tmp_path / "below").mkdir()
    assert find_audio(tmp_path) == [tmp_path / "a.flac", tmp_path / "b.WAV", tmp_path / "c.m4a"]
    assert find_audio(tmp_path / "notes.txt") == [tmp_path / "notes.txt"]
