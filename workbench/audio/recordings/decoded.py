"""The samples of a file, all channels, at its own rate; and how libsndfile decodes them."""

import io
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from workbench.audio.recordings.condition import Condition
from workbench.errors import AudioError

LONGEST_CLIP_S = 3600  # an hour at 48 kHz takes two or three GB, because several copies are in memory


@dataclass(frozen=True, eq=False)
class Decoded:
    """The content of an audio file.

    Attributes:
        samples: (n, channels) float32, full scale 1.0.
        rate_hz: The rate of the file.
        decoder: The decoder with its version, and the codec if it is not libsndfile.
        conditions: What is wrong with the file itself.
    """

    samples: NDArray[np.float32]
    rate_hz: int
    decoder: str
    conditions: tuple[Condition, ...] = ()


def check_length(path: Path, seconds: float) -> None:
    """Raises AudioError if a file has more than an hour of audio."""
    if seconds > LONGEST_CLIP_S:
        raise AudioError(
            f"{path}: has {seconds / 3600:.1f} hours of audio, at most {LONGEST_CLIP_S / 3600:g} is allowed; "
            "cut it into parts"
        )


def decode_with_libsndfile(path: Path) -> Decoded:
    """Decodes wav, flac, ogg, mp3 and others.

    Raises:
        AudioError: The file has more than an hour of audio.
        soundfile.LibsndfileError: libsndfile cannot decode it.
    """
    check_length(path, soundfile.info(path).duration)  # from the header: nothing is decoded yet
    # libsndfile misplaces what follows an ID3 tag if it reads from memory, so it reads the file itself
    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    decoder = f"libsndfile {soundfile.__libsndfile_version__}"
    if len(samples):
        return Decoded(samples, rate_hz, decoder)
    completed = _with_length(path)
    if completed is None:
        return Decoded(samples, rate_hz, decoder)
    check_length(path, soundfile.info(io.BytesIO(completed)).duration)
    samples, rate_hz = soundfile.read(io.BytesIO(completed), dtype="float32", always_2d=True)
    condition = Condition(kind="no length in the header", value=len(samples) / rate_hz, unit="s")
    return Decoded(samples, rate_hz, decoder, (condition,))


def _with_length(path: Path) -> bytes | None:
    """Returns a WAV file with the length of its data in the header, if the header says 0 and samples follow.

    A recorder writes the length at the end, so a file whose recorder lost power says 0. In a file that is complete,
    only whole chunks follow empty data; then the result is None.
    """
    content = bytearray(path.read_bytes())
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        return None
    position = 12
    while position + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, position)
        position += 8
        if name == b"data":
            if size or position >= len(content) or _is_chunks(content, position):
                return None
            longest = 0xFFFFFFFF  # libsndfile reads to the end of the file
            struct.pack_into("<I", content, position - 4, min(len(content) - position, longest))
            struct.pack_into("<I", content, 4, min(len(content) - 8, longest))
            return bytes(content)
        position += size + size % 2
    return None


def _is_chunks(content: bytearray, position: int) -> bool:
    """Whether the rest of a file is whole RIFF chunks with printable names."""
    while position + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, position)
        if not all(32 <= letter < 127 for letter in name):
            return False
        position += 8 + size + size % 2
    return position in (len(content), len(content) + 1)
