"""Decoding, mixing and resampling, against files written here sample by sample."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from workbench.audio import find_audio, read_clip
from workbench.errors import AudioError


def sine(hz: float, rate_hz: int) -> np.ndarray:
    """Returns one second of amplitude 0.5."""
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(rate_hz) / rate_hz)


@pytest.mark.parametrize("rate_hz", [16_000, 48_000, 96_000])
def test_channels_are_mixed_and_resampled(tmp_path: Path, rate_hz: int) -> None:
    """The mean of the channels, without delay, change of level, or alias of 15 kHz at 1 kHz."""
    channels = np.column_stack([sine(440, 44_100), sine(15_000, 44_100)])
    soundfile.write(tmp_path / "a.wav", 2 * channels, 44_100, "FLOAT")
    clip = read_clip(tmp_path / "a.wav", rate_hz, name="sung/a")
    assert (clip.name, clip.sample_rate_hz, clip.source_rate_hz, clip.channels) == ("sung/a", rate_hz, 44_100, 2)
    assert len(clip.samples) == rate_hz
    assert clip.duration_s == 1.0
    expected = sine(440, rate_hz) + (sine(15_000, rate_hz) if rate_hz > 30_000 else 0.0)
    middle = slice(rate_hz // 10, -rate_hz // 10)  # the ends ring, as the file stops there
    assert np.abs(clip.samples - expected)[middle].max() < 1e-5


def test_same_rate_keeps_the_samples_and_reads_the_f0(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).uniform(-1, 1, 1000).astype(np.float32)
    soundfile.write(tmp_path / "take.1.wav", samples, 16_000, "FLOAT")
    (tmp_path / "take.1.csv").write_text("0.0, 0\n0.01, 440.5\n")
    clip = read_clip(tmp_path / "take.1.wav", 16_000)
    np.testing.assert_array_equal(clip.samples, samples)
    assert clip.samples.dtype == np.float32
    assert not clip.samples.flags.writeable
    assert clip.f0 is not None
    assert (clip.f0.times_s.tolist(), clip.f0.hz.tolist()) == ([0.0, 0.01], [0.0, 440.5])


@pytest.mark.parametrize(
    ("suffix", "subtype", "error"), [("flac", "PCM_24", 1e-6), ("ogg", None, 0.02), ("mp3", None, 0.02)]
)
def test_read_clip_formats(tmp_path: Path, suffix: str, subtype: str | None, error: float) -> None:
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, sine(440, 44_100), 44_100, subtype)
    clip = read_clip(path, 44_100)
    assert clip.duration_s == pytest.approx(1.0, abs=0.06)  # mp3 pads to whole frames
    middle = clip.samples[4_410:39_690]
    assert np.sqrt(2 * np.mean(middle**2)) == pytest.approx(0.5, rel=error)
    assert (clip.name, clip.sha256, clip.f0) == ("a", hashlib.sha256(path.read_bytes()).hexdigest(), None)


@pytest.mark.parametrize(("name", "message"), [("missing.wav", "no such audio file"), ("folder.wav", "got a folder")])
def test_path_that_is_no_file_raises(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(AudioError, match=message):
        read_clip(tmp_path / name, 48_000)


def test_clip_that_changes_while_it_is_read_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, decode = tmp_path / "a.wav", soundfile.read
    soundfile.write(path, sine(440, 8000), 8000)

    def replaced(*args: object, **kwargs: object) -> object:
        soundfile.write(path, sine(220, 8000), 8000)
        return decode(*args, **kwargs)

    monkeypatch.setattr(soundfile, "read", replaced)
    with pytest.raises(AudioError, match="changed while it was read"):
        read_clip(path, 8000)


@pytest.mark.parametrize("suffix", ["wav", "aiff"])
def test_audio_after_an_id3_tag_is_unchanged(tmp_path: Path, suffix: str) -> None:
    path, tagged = tmp_path / f"a.{suffix}", tmp_path / f"tagged.{suffix}"
    soundfile.write(path, sine(440, 8000), 8000)
    tagged.write_bytes(b"ID3\x03\0\0" + bytes([0, 0, 2, 0]) + bytes(256) + path.read_bytes())  # size: 2 * 128
    np.testing.assert_array_equal(read_clip(tagged, 8000).samples, read_clip(path, 8000).samples)


def test_find_audio_is_sorted_and_skips_other_files(tmp_path: Path) -> None:
    for name in ("b.WAV", "a.flac", "c.m4a", "a.csv", "notes.txt", ".hidden.wav"):
        (tmp_path / name).touch()
    (tmp_path / "below").mkdir()
    assert find_audio(tmp_path) == [tmp_path / "a.flac", tmp_path / "b.WAV", tmp_path / "c.m4a"]
    assert find_audio(tmp_path / "notes.txt") == [tmp_path / "notes.txt"]
