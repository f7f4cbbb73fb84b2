"""Reading audio and annotations, against files made here sample by sample."""

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from workbench.audio import PitchTrack, find_audio, read_clip, read_pitch_track
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


def test_what_the_lower_rate_cannot_hold_is_filtered_out(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", sine(440, 48_000) + sine(15_000, 48_000, amplitude=0.3), 48_000, "FLOAT")
    samples = read_clip(tmp_path / "a.wav", 16_000).samples
    assert amplitude_at(samples, 440, 16_000) == pytest.approx(0.5, rel=1e-4)
    assert amplitude_at(samples, 1_000, 16_000) < 1e-5  # 16 kHz - 15 kHz: where it would alias to


def test_the_rate_of_the_file_is_left_alone(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).uniform(-1, 1, 1000).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", samples, 16_000, "FLOAT")
    clip = read_clip(tmp_path / "a.wav", 16_000)
    np.testing.assert_array_equal(clip.samples, samples)
    assert clip.samples.dtype == np.float32
    assert not clip.samples.flags.writeable


def test_stereo_is_mixed_by_mean(tmp_path: Path) -> None:
    left, right = sine(200, 8000, amplitude=0.8), sine(300, 8000, amplitude=0.4)
    soundfile.write(tmp_path / "a.wav", np.column_stack([left, right]), 8000, "FLOAT")
    clip = read_clip(tmp_path / "a.wav", 48_000, name="sung/a")
    assert (clip.name, clip.channels, clip.source_rate_hz, len(clip.samples)) == ("sung/a", 2, 8000, 48_000)
    assert amplitude_at(clip.samples, 200, 48_000) == pytest.approx(0.4, rel=1e-3)
    assert amplitude_at(clip.samples, 300, 48_000) == pytest.approx(0.2, rel=1e-3)


@pytest.mark.parametrize(
    ("suffix", "subtype", "error"), [("flac", "PCM_24", 1e-6), ("ogg", "VORBIS", 0.02), ("mp3", None, 0.02)]
)
def test_formats(tmp_path: Path, suffix: str, subtype: str | None, error: float) -> None:
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, sine(440, 44_100), 44_100, subtype)
    clip = read_clip(path, 44_100)
    assert clip.duration_s == pytest.approx(1.0, abs=0.06)  # mp3 pads to whole frames
    assert amplitude_at(clip.samples[4410:39_690], 440, 44_100) == pytest.approx(0.5, rel=error)
    assert clip.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert clip.name == "a"
    assert clip.f0 is None


def test_one_sample_is_a_clip(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.array([0.25]), 48_000, "FLOAT")
    assert read_clip(tmp_path / "a.wav", 48_000).samples.tolist() == [0.25]


def bad_clips(folder: Path) -> dict[str, Path]:
    (folder / "folder.wav").mkdir()
    (folder / "text.wav").write_text("not a recording")
    (folder / "phone.m4a").write_bytes(b"\0\0\0\x18ftypM4A ")
    soundfile.write(folder / "empty.wav", np.zeros(0), 48_000)
    soundfile.write(folder / "nan.wav", np.array([0.0, np.nan, np.inf, 0.0]), 48_000, "FLOAT")
    return {
        name: folder / name for name in ("missing.wav", "folder.wav", "text.wav", "phone.m4a", "empty.wav", "nan.wav")
    }


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.wav", "no such audio file; check the path"),
        ("folder.wav", "a folder where an audio file is wanted; name one of its files"),
        ("text.wav", "not audio that can be read (Format not recognised); convert it to wav or flac"),
        ("phone.m4a", "not audio that can be read (Format not recognised); convert it to wav or flac"),
        ("empty.wav", "0 samples of audio; record it again or take it away"),
        ("nan.wav", "2 of its samples are NaN or infinite; export it again as wav or flac"),
    ],
)
def test_bad_clips_are_one_line_each(tmp_path: Path, name: str, message: str) -> None:
    path = bad_clips(tmp_path)[name]
    with pytest.raises(AudioError, match=f"^{re.escape(f'{path}: {message}')}$"):
        read_clip(path, 48_000)


def test_a_clip_that_changes_while_it_is_read_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, decode = tmp_path / "a.wav", soundfile.read
    soundfile.write(path, sine(440, 8000), 8000)

    def replaced(*args: object, **kwargs: object) -> object:
        soundfile.write(path, sine(220, 8000), 8000)
        return decode(*args, **kwargs)

    monkeypatch.setattr(soundfile, "read", replaced)
    message = f"{path}: changed while it was read; wait until it is all there, and run again"
    with pytest.raises(AudioError, match=f"^{re.escape(message)}$"):
        read_clip(path, 8000)


@pytest.mark.parametrize("suffix", ["wav", "aiff"])
def test_what_is_behind_a_tag_is_heard_as_it_is(tmp_path: Path, suffix: str) -> None:
    path, tagged = tmp_path / f"a.{suffix}", tmp_path / f"tagged.{suffix}"
    soundfile.write(path, sine(440, 8000), 8000)
    tagged.write_bytes(b"ID3\x03\0\0" + bytes([0, 0, 2, 0]) + bytes(256) + path.read_bytes())  # size: 2 * 128
    np.testing.assert_array_equal(read_clip(tagged, 8000).samples, read_clip(path, 8000).samples)


def test_the_annotation_beside_a_clip_is_its_f0(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "take.1.wav", sine(440, 8000), 8000)
    (tmp_path / "take.1.csv").write_text("\ufeffseconds, hertz\r\n\r\n0.0, 0\r\n0.01, 440.5\r\n", encoding="utf-8")
    f0 = read_clip(tmp_path / "take.1.wav", 8000).f0
    assert f0 is not None
    assert (f0.times_s.tolist(), f0.hz.tolist()) == ([0.0, 0.01], [0.0, 440.5])
    assert f0.sha256 == PitchTrack(f0.times_s, f0.hz).sha256
    assert len({f0.sha256, PitchTrack(f0.times_s, f0.hz + 1).sha256, PitchTrack(f0.hz, f0.times_s).sha256}) == 3


def test_an_annotation_needs_no_header(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("0,220\n0.01,221")
    assert read_pitch_track(tmp_path / "a.csv").hz.tolist() == [220.0, 221.0]


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("", "", "no rows of seconds,hertz in it; write them or take the file away"),
        ("time,hz\n", "", "no rows of seconds,hertz in it; write them or take the file away"),
        ("0,220\n0.01,abc\n", ":2", "'abc' is not a number; write seconds,hertz"),
        ("time,hz\ntime,hz\n", ":2", "'time' is not a number; write seconds,hertz"),
        ("time,hz\n\n0,220,0.9\n", ":3", "3 columns where 2 are wanted; write seconds,hertz"),
        ("0,220\n0.02,nan\n", ":2", "0.02,nan is not finite; write 0 Hz where unvoiced"),
        ("0,220\n0.02,-1\n", ":2", "-1 Hz is negative; write 0 where unvoiced"),
        ("0,220\n0.02,0\n0.02,0\n", ":3", "0.02 s does not come after 0.02 s; sort the rows by time"),
    ],
)
def test_bad_annotations_name_the_line(tmp_path: Path, text: str, where: str, message: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(AudioError, match=f"^{re.escape(f'{path}{where}: {message}')}$"):
        read_pitch_track(path)


def test_a_binary_annotation(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xff\xfe0\x00")
    message = f"{path}: not a text file of seconds,hertz rows; export it as comma-separated UTF-8"
    with pytest.raises(AudioError, match=f"^{re.escape(message)}$"):
        read_pitch_track(path)


def test_f0_between_annotated_times() -> None:
    track = PitchTrack(np.array([0.0, 0.01, 0.02, 0.03, 0.2]), np.array([100.0, 400.0, 0.0, 300.0, 300.0]))
    at = track.at([-0.01, 0.0, 0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.1, 0.2, 0.21])
    # Halfway from 100 to 400 Hz is 200: an octave from each. 170 ms between voiced rows is not bridged.
    np.testing.assert_allclose(at, [0, 100, 200, 400, 0, 0, 0, 300, 0, 300, 0], rtol=1e-12)


def test_a_time_off_by_rounding_is_on_the_annotation() -> None:
    track = PitchTrack(np.array([0.1, 0.2, 0.3]), np.array([0.0, 220.0, 0.0]))
    assert track.at([0.2 - 1e-12, 0.1 + 0.1 + 1e-12]).tolist() == [220.0, 220.0]


def test_one_row() -> None:
    assert PitchTrack(np.array([0.5]), np.array([220.0])).at([0.0, 0.5, 1.0]).tolist() == [0.0, 220.0, 0.0]


@pytest.mark.parametrize(
    ("times_s", "hz", "message"),
    [
        ([], [], "pitch track: (0,) times for (0,) frequencies; give one for each, and one at least"),
        ([0.0], [1.0, 2.0], "pitch track: (1,) times for (2,) frequencies; give one for each, and one at least"),
        ([0.0], [np.nan], "pitch track: times and frequencies have to be finite; write 0 Hz where unvoiced"),
        ([0.0, 0.0], [1, 1], "pitch track: times have to increase and frequencies be 0 or more; sort or correct them"),
        ([0.0], [-1.0], "pitch track: times have to increase and frequencies be 0 or more; sort or correct them"),
    ],
)
def test_a_pitch_track_cannot_be_built_wrong(times_s: list[float], hz: list[float], message: str) -> None:
    with pytest.raises(AudioError, match=f"^{re.escape(message)}$"):
        PitchTrack(np.array(times_s), np.array(hz))


def test_find_audio(tmp_path: Path) -> None:
    for name in ("b.WAV", "a.flac", "c.m4a", "a.csv", "notes.txt", ".hidden.wav"):
        (tmp_path / name).touch()
    (tmp_path / "below").mkdir()
    assert find_audio(tmp_path) == [tmp_path / "a.flac", tmp_path / "b.WAV", tmp_path / "c.m4a"]
    assert find_audio(tmp_path / "notes.txt") == [tmp_path / "notes.txt"]


def test_nothing_to_find(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(AudioError, match=f"^{re.escape(f'{tmp_path}/no: no such file or folder; check the path')}$"):
        find_audio(tmp_path / "no")
    message = f"{tmp_path}: no audio in this folder; put wav, flac, ogg or mp3 files into it"
    with pytest.raises(AudioError, match=f"^{re.escape(message)}$"):
        find_audio(tmp_path)


def test_two_files_of_one_name(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    (tmp_path / "a.flac").touch()
    message = f"{tmp_path}: a.flac and a.wav share a name; rename or remove one"
    with pytest.raises(AudioError, match=f"^{re.escape(message)}$"):
        find_audio(tmp_path)
