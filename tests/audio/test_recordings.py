"""Recordings as people have them, against tone bursts whose first sample, level and channel are known."""

import struct
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile

from workbench import extras
from workbench.audio import read_clip
from workbench.audio.decode import warn_of_conditions
from workbench.errors import AudioError, WorkbenchWarning

RATE_HZ = 48_000
BURST = slice(24_000, 72_000)


def burst(level: float = 0.5) -> np.ndarray:
    """Two seconds of silence with 440 Hz from 0.5 to 1.5 s; (96_000,) float32."""
    tone = np.zeros(2 * RATE_HZ, np.float32)
    tone[BURST] = level * np.sin(2 * np.pi * 440 * np.arange(RATE_HZ) / RATE_HZ)
    return tone


def encode(path: Path, codec: str, container: str, samples: np.ndarray, skipped_s: float = 0.0) -> None:
    """Writes samples with PyAV; from 1 s on the timestamps are `skipped_s` later."""
    av = pytest.importorskip("av")
    with av.open(str(path), "w", format=container) as file:
        track = file.add_stream(codec, rate=RATE_HZ, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = RATE_HZ, 0
        blocks = av.AudioResampler(track.codec_context.format, "mono", RATE_HZ, track.codec_context.frame_size or 1024)
        for block in (*blocks.resample(frame), *blocks.resample(None)):
            block.pts += round(skipped_s * RATE_HZ) * (block.pts >= RATE_HZ)
            file.mux(track.encode(block))
        file.mux(track.encode(None))


@pytest.mark.parametrize(
    ("name", "codec", "container", "late_samples", "remarks"),
    [
        ("a.m4a", "aac", "ipod", 0, "decoded by PyAV"),
        ("a.mp4", "aac", "mp4", 0, "decoded by PyAV"),
        ("a.webm", "libopus", "webm", 0, "decoded by PyAV"),
        ("a.mov", "alac", "mov", 0, "decoded by PyAV"),
        ("m4a-by-its-content.wav", "aac", "ipod", 0, "decoded by PyAV"),
        ("a.aac", "aac", "adts", 1024, "unknown encoder delay (44 ms at most)"),  # the stream does not state it
    ],
)
def test_a_container_starts_at_the_sample_that_was_encoded(
    tmp_path: Path, name: str, codec: str, container: str, late_samples: int, remarks: str
) -> None:
    encode(tmp_path / name, codec, container, burst())
    clip = read_clip(tmp_path / name, RATE_HZ)
    onset = int(np.flatnonzero(np.abs(clip.samples) > 0.1)[0]) - int(np.flatnonzero(burst() > 0.1)[0])
    assert onset == pytest.approx(late_samples, abs=2)
    tone = clip.samples[30_000:60_000]
    assert np.abs(tone - np.roll(burst(), late_samples)[30_000:60_000]).max() < 0.05  # also its phase
    assert remarks in clip.remarks
    assert len(clip.samples) - 2 * RATE_HZ in range(2 * 1024 + 1)


def test_skipped_timestamps_are_named(tmp_path: Path) -> None:
    encode(tmp_path / "a.webm", "libopus", "webm", burst(), skipped_s=0.4)
    (gap,) = read_clip(tmp_path / "a.webm", RATE_HZ).conditions
    assert (gap.kind, gap.value) == ("gaps", pytest.approx(0.4, abs=0.05))


def test_ffmpeg_decodes_without_pyav_and_without_both_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording, program = tmp_path / "-a.m4a", tmp_path / "ffmpeg"
    recording.write_bytes(b"\0\0\0\x18ftypM4A ")
    soundfile.write(tmp_path / "decoded.wav", burst(), RATE_HZ, "FLOAT")
    monkeypatch.setattr(extras, "find_spec", lambda module: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AudioError, match=r"needs PyAV or ffmpeg to be decoded; pip install .*\[containers\]"):
        read_clip(recording, RATE_HZ)
    version, decoded = (
        "print('ffmpeg version 7.1 by hand')",
        f"sys.stdout.buffer.write(open('{tmp_path}/decoded.wav','rb').read())",
    )
    program.write_text(f"#!{sys.executable}\nimport sys\n{version} if '-version' in sys.argv else {decoded}\n")
    program.chmod(0o755)
    clip = read_clip(recording, RATE_HZ)
    assert clip.decoder == "ffmpeg 7.1"
    np.testing.assert_array_equal(clip.samples, burst())
    for said, message in (
        ("Stream map '' matches no streams.", "has no audio track"),
        ("[dec:aac @ 0x56] Invalid data", r"cannot be decoded \(Invalid data\)"),
    ):
        program.write_text(f"#!{sys.executable}\nimport sys\nsys.exit({said!r})\n")
        with pytest.raises(AudioError, match=message):
            read_clip(recording, RATE_HZ)


def video(path: Path) -> None:
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as file:
        track = file.add_stream("mpeg4", rate=10, width=64, height=64, pix_fmt="yuv420p")
        file.mux(track.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")))
        file.mux(track.encode(None))


@pytest.mark.parametrize(
    ("name", "share", "message"),
    [
        ("video.mp4", 1.0, "has no audio track; name a file with sound"),
        ("a.m4a", 0.5, r"cannot be decoded \(Invalid data found .*\); convert it to wav or flac"),
        ("a.m4a", 0.0, r"cannot be decoded \(Invalid argument\); convert it to wav or flac"),
    ],
)
def test_a_container_without_audio_or_cut_off_raises(tmp_path: Path, name: str, share: float, message: str) -> None:
    path = tmp_path / name
    video(path) if name == "video.mp4" else encode(path, "aac", "ipod", burst())
    path.write_bytes(path.read_bytes()[: round(share * path.stat().st_size)])
    with pytest.raises(AudioError, match=message):
        read_clip(path, RATE_HZ)


def test_half_a_webm_is_read_and_named(tmp_path: Path) -> None:
    """Unlike m4a, whose index is at the end, it can be read up to where it was cut."""
    path = tmp_path / "a.webm"
    encode(path, "libopus", "webm", np.random.default_rng(0).uniform(-0.1, 0.1, 2 * RATE_HZ).astype(np.float32))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    (cut,) = read_clip(path, RATE_HZ).conditions
    assert (cut.kind, cut.value) == ("ends early", pytest.approx(1.0, abs=0.15))


@pytest.mark.parametrize("before", [b"", b"JUNK" + struct.pack("<I", 4) + b"\0\0\0\0"])
def test_samples_after_a_header_that_says_0_bytes_are_read(tmp_path: Path, before: bytes) -> None:
    path, whole = tmp_path / "a.wav", tmp_path / "whole.wav"
    soundfile.write(whole, burst(), RATE_HZ, "PCM_16")
    content = whole.read_bytes()
    data = content.index(b"data")
    cut = content[:4] + bytes(4) + content[8:data] + before + b"data" + bytes(4) + content[data + 8 :]
    path.write_bytes(cut)
    clip = read_clip(path, RATE_HZ)
    np.testing.assert_array_equal(clip.samples, read_clip(whole, RATE_HZ).samples)
    assert [str(condition) for condition in clip.conditions] == ["no length in the header (2 s)"]
    path.write_bytes(cut[: cut.index(b"data") + 8] + b"LIST" + struct.pack("<I", 4) + b"INFO")  # complete, and empty
    with pytest.raises(AudioError, match="has no samples"):
        read_clip(path, RATE_HZ)


QUIET = 0.25 * burst()


@pytest.mark.parametrize(
    ("channels", "channel", "used", "expected"),
    [
        ((burst(), QUIET), "mix", "mix", 0.625 * burst()),
        ((burst(), QUIET), "left", "left", burst()),
        ((burst(), QUIET), "right", "right", QUIET),
        ((burst(), 0 * burst(), QUIET), "3", "3", QUIET),
        ((burst(),), "left", "left", burst()),
        ((burst(), -burst()), "mix", "left", burst()),  # opposite phase
        ((0.9 * burst(), -burst()), "mix", "right", -burst()),
        ((burst(), 0 * burst()), "mix", "mix", 0.5 * burst()),  # one silent channel
        ((burst(), -0.5 * burst()), "mix", "mix", 0.25 * burst()),  # 10 dB below
        ((burst(), -0.7 * burst()), "mix", "left", burst()),  # 15 dB below
    ],
)
def test_channels(
    tmp_path: Path, channels: tuple[np.ndarray, ...], channel: str, used: str, expected: np.ndarray
) -> None:
    soundfile.write(tmp_path / "a.wav", np.column_stack(channels), RATE_HZ, "FLOAT")
    clip, mix = read_clip(tmp_path / "a.wav", RATE_HZ, channel=channel), channel == "mix"
    np.testing.assert_allclose(clip.samples, expected, atol=1e-7)
    assert clip.channel == used
    assert ("opposite phase" in clip.remarks) == (mix and used != "mix")
    assert (clip.identity == clip.sha256) == (used == "mix")


@pytest.mark.parametrize(("count", "channel", "has"), [(1, "right", "is mono"), (2, "3", "has 2 channels")])
def test_a_channel_that_is_not_there_raises(tmp_path: Path, count: int, channel: str, has: str) -> None:
    soundfile.write(tmp_path / "a.wav", np.column_stack([burst()] * count), RATE_HZ)
    with pytest.raises(AudioError, match=has):
        read_clip(tmp_path / "a.wav", RATE_HZ, channel=channel)


LOW = 0.3 * np.sin(2 * np.pi * 60 * np.arange(2 * RATE_HZ) / RATE_HZ)


@pytest.mark.parametrize(
    ("samples", "subtype", "found"),
    [
        (burst(), "PCM_16", {}),
        (LOW, "PCM_16", {}),  # rounded to 16 bits, its peaks are flat, but not for long
        (LOW / 0.3, "PCM_16", {}),
        (np.clip(2 * burst(), -0.7, 0.7), "PCM_16", {"clipped": 0.25}),  # half of a period is above sin(asin(0.7))
        (2.0 * burst(1.0), "FLOAT", {"clipped": 1 / 3}),
        (burst() + 0.05, "FLOAT", {"DC offset": 0.05}),
        (burst(0.01), "FLOAT", {"very quiet": -43.0}),
        (burst(0.0003), "FLOAT", {"nearly silent": -73.5}),
        (0 * burst(), "PCM_16", {"nearly silent": -200.0}),
    ],
)
def test_conditions_are_measured(tmp_path: Path, samples: np.ndarray, subtype: str, found: dict[str, float]) -> None:
    soundfile.write(tmp_path / "a.wav", samples, RATE_HZ, subtype)
    conditions = read_clip(tmp_path / "a.wav", 16_000).conditions
    assert {each.kind: each.value for each in conditions} == pytest.approx(found, rel=0.02)


def test_one_warning_names_every_clip(tmp_path: Path) -> None:
    for name, samples in (("a", burst(0.01)), ("b", burst()), ("c", burst() + 0.05)):
        soundfile.write(tmp_path / f"{name}.wav", samples, RATE_HZ, "FLOAT")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", WorkbenchWarning)
        warn_of_conditions(read_clip(tmp_path / f"{name}.wav", RATE_HZ) for name in "abc")
    assert [str(each.message) for each in caught] == ["a: very quiet (-43 dBFS); c: DC offset (0.05 of full scale)"]
