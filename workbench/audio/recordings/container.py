"""Recordings of phones and browsers (m4a, mp4, webm, ...): decoded by PyAV, or else by the program ffmpeg.

Both are libavcodec. It drops the samples that an encoder puts before the audio (AAC priming, Opus pre-skip) if the
container states their number: mp4 and m4a in an edit list, Matroska and WebM as CodecDelay.
"""

import io
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile

from workbench.audio.recordings.condition import Condition
from workbench.audio.recordings.decoded import LONGEST_CLIP_S, Decoded, check_length
from workbench.errors import AudioError, first_line
from workbench.extras import CONTAINERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONTAINER_SUFFIXES = (".m4a", ".aac", ".mp4", ".mov", ".wma", ".webm", ".mka", ".mkv", ".amr", ".3gp")

_LONGEST_JITTER_S = 0.05  # of timestamps: a browser rounds them to milliseconds, and a phone starts a little late
_LONGEST_PRIMING_SAMPLES = 2112  # of AAC encoders: Apple's
_FIRST_BYTES = 16


def is_container(path: Path) -> bool:
    """Whether a file begins as mp4, Matroska, ASF, AMR or a stream of AAC. Its name does not count.

    Raises OSError if the file cannot be read.
    """
    first = _first_bytes(path)
    signatures = (b"\x1aE\xdf\xa3", b"0&\xb2u\x8ef\xcf\x11", b"#!AMR")
    return _is_aac_stream(first) or first[4:8] == b"ftyp" or first.startswith(signatures)


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_FIRST_BYTES)


def _is_aac_stream(first: bytes) -> bool:
    """Whether a file begins with a frame of ADTS: 12 set bits and layer 0, where mp3 has layer 3."""
    return len(first) > 1 and first[0] == 0xFF and first[1] & 0xF6 == 0xF0


def decode_container(path: Path) -> Decoded:
    """Decodes the first audio track.

    Raises:
        AudioError: Neither PyAV nor ffmpeg is installed, there is no audio or more than an hour of it, or the file is
            broken.
    """
    program = shutil.which("ffmpeg")
    if not CONTAINERS.missing_hint():
        decoded = _decode_with_pyav(path)
    elif program is not None:
        decoded = _decode_with_ffmpeg(path, program)
    else:
        raise AudioError(
            f"{path}: needs PyAV or ffmpeg to be decoded; {CONTAINERS.install_command}, or convert it to wav or flac"
        )
    if not _is_aac_stream(_first_bytes(path)):
        return decoded
    longest_ms = 1000 * _LONGEST_PRIMING_SAMPLES / decoded.rate_hz
    unknown = Condition(kind="unknown encoder delay", value=longest_ms, unit="ms at most")
    return replace(decoded, conditions=(*decoded.conditions, unknown))


def _decode_with_pyav(path: Path) -> Decoded:
    import av

    blocks: list[NDArray[np.float32]] = []
    rate_hz, gaps_s, samples = 0, 0.0, 0
    try:
        # an open file: PyAV would take some names for addresses
        with path.open("rb") as file, av.open(file) as container:
            if not container.streams.audio:
                raise _no_audio(path)
            track = container.streams.audio[0]
            to_float = av.AudioResampler(format="fltp")
            first_s = None
            for frame in container.decode(track):
                rate_hz, start_s = frame.sample_rate, frame.time
                if start_s is not None:
                    first_s = start_s if first_s is None else first_s
                    skipped_s = start_s - first_s - samples / rate_hz - gaps_s
                    gaps_s += skipped_s if skipped_s > _LONGEST_JITTER_S else 0.0
                for block in to_float.resample(frame):
                    blocks.append(block.to_ndarray())
                samples += frame.samples
                check_length(path, samples / rate_hz)
            stated_s = _stated_s(container, track)
            decoder = f"PyAV {av.__version__} ({track.codec_context.name})"
    except (av.error.FFmpegError, OSError, ValueError) as error:  # OSError: empty; ValueError: the channels change
        raise _broken(path, getattr(error, "strerror", None) or first_line(error)) from None
    if not blocks:
        raise AudioError(f"{path}: has no samples; record it again or delete it")
    conditions = []
    if gaps_s:
        conditions.append(Condition(kind="gaps", value=gaps_s, unit="s"))
    if stated_s is not None and stated_s - samples / rate_hz > gaps_s + 2 * _LONGEST_JITTER_S:
        conditions.append(Condition(kind="ends early", value=stated_s - samples / rate_hz, unit="s"))
    return Decoded(np.concatenate(blocks, axis=1).T, rate_hz, decoder, tuple(conditions))


def _stated_s(container: Any, track: Any) -> float | None:
    """Returns how long the audio is by the header. Matroska states it of the file, which video can make longer."""
    if track.duration and track.time_base:
        return float(track.duration * track.time_base)
    return container.duration / 1e6 if container.duration and len(container.streams) == 1 else None


def _decode_with_ffmpeg(path: Path, program: str) -> Decoded:
    source = ["-i", f"file:{path}", "-map", "0:a:0", "-t", str(LONGEST_CLIP_S + 1)]
    ran = _run([program, "-nostdin", "-v", "error", "-xerror", *source, "-c:a", "pcm_f32le", "-f", "wav", "-"])
    if ran.returncode:
        reason = ran.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {ran.returncode}"]
        if any("matches no streams" in line for line in reason):
            raise _no_audio(path)
        raise _broken(path, re.sub(r"\[[^]]*\] *", "", reason[-1]))  # without "[aist#0:0/aac @ 0x5606]"
    samples, rate_hz = soundfile.read(io.BytesIO(ran.stdout), dtype="float32", always_2d=True)
    check_length(path, len(samples) / rate_hz)
    version = _run([program, "-version"]).stdout.decode(errors="replace").split()
    return Decoded(samples, rate_hz, f"ffmpeg {version[2] if len(version) > 2 else ''}".strip())


def _run(command: list[str]) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)


def _no_audio(path: Path) -> AudioError:
    return AudioError(f"{path}: has no audio track; name a file with sound")


def _broken(path: Path, reason: Any) -> AudioError:
    return AudioError(f"{path}: cannot be decoded ({str(reason).strip().rstrip('.')}); convert it to wav or flac")
