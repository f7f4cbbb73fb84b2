"""Audio files: decoded, one channel of them resampled, with the known f0 from the file beside them."""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from workbench.audio.annotations import PitchTrack, read_f0_beside, read_only
from workbench.audio.recordings.channel import select_channel
from workbench.audio.recordings.condition import Condition, clipped_share, measure_conditions
from workbench.audio.recordings.container import CONTAINER_SUFFIXES, decode_container, is_container
from workbench.audio.recordings.decoded import Decoded, decode_with_libsndfile
from workbench.errors import AudioError, WorkbenchWarning
from workbench.recipe import Channel
from workbench.storage.hashing import sha256_of

AUDIO_SUFFIXES = (
    *(".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3"),
    *(".aif", ".aiff", ".aifc", ".au", ".caf", ".w64", ".rf64"),
    *CONTAINER_SUFFIXES,
)
_NAMED_CLIPS = 8  # in one warning


@dataclass(frozen=True, eq=False)
class Clip:
    """One recording as it is fed to the model.

    Attributes:
        name: The name in the catalog ("sung/verse"), or the stem of the file.
        path: The file.
        sha256: Hash of the file's bytes.
        sample_rate_hz: Rate of `samples`, after resampling.
        samples: (n,) float32, mono, full scale 1.0, read-only.
        source_rate_hz: Rate of the file.
        channels: Number of channels of the file.
        f0: The known pitch, if there is an annotation.
        channel: Which channel the samples are: `mix` (the mean of all), `left`, `right` or its number from 1.
        decoder: What decoded the file, with its version.
        conditions: What is wrong with the recording.
        singer: Who sings, if a corpus says so; otherwise "".
    """

    name: str
    path: Path
    sha256: str
    sample_rate_hz: int
    samples: NDArray[np.float32]
    source_rate_hz: int
    channels: int
    f0: PitchTrack | None
    channel: str = "mix"
    decoder: str = ""
    conditions: tuple[Condition, ...] = ()
    singer: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "samples", read_only(self.samples, np.float32))

    @property
    def duration_s(self) -> float:
        """Duration in seconds."""
        return len(self.samples) / self.sample_rate_hz

    @property
    def identity(self) -> str:
        """Hash of the file's bytes and of the channel: clips with the same one have the same samples."""
        return self.sha256 if self.channel == "mix" else sha256_of(f"{self.sha256} {self.channel}".encode())

    @property
    def content_sha256(self) -> tuple[str, str]:
        """Hashes of the file's bytes and of the samples: a copy in another lossless format has the same samples."""
        return self.sha256, sha256_of(self.samples.tobytes())

    @property
    def remarks(self) -> str:
        """Another decoder than libsndfile, and the conditions, as the end of a line; "" if there are none."""
        decoded = "" if self.decoder.startswith("libsndfile") or not self.decoder else f"decoded by {self.decoder}"
        return ", ".join(filter(None, (decoded, *map(str, self.conditions))))


def file_stem(clip: str) -> str:
    """Returns the stem of the files that belong to a clip, by its name: names in the catalog contain folders."""
    return clip.replace("/", "-")


def read_clip(
    path: Path, sample_rate_hz: int, name: str | None = None, channel: Channel = "mix", with_f0: bool = True
) -> Clip:
    """Decodes a file, takes one channel or the mean of all, and resamples it (soxr, very high quality).

    Two channels in opposite phase are not mixed: the louder one is read. `Clip.conditions` has what is wrong with the
    recording, and `warn_of_conditions` makes a warning of it.

    Args:
        path: The file. `NAME.csv` beside `NAME.wav` is its known f0; so is a file in another format of annotations.
        sample_rate_hz: The rate to resample to.
        name: The name of the clip; by default the stem of the file.
        channel: Which channel.
        with_f0: Whether the known f0 is read, if there is one.

    Returns:
        The clip.

    Raises:
        AudioError: The file is missing, a folder, not audio, empty, longer than an hour, not finite or still being
            written, has no such channel, or its decoder is missing, or its annotation is wrong.
    """
    if path.is_dir():
        raise AudioError(f"{path}: expected an audio file, got a folder; name one of its files")
    try:
        sha256 = sha256_of(path)
        decoded = _decode(path)
        if sha256_of(path) != sha256:
            raise AudioError(f"{path}: changed while it was read; wait until it is complete and run again")
    except FileNotFoundError:
        raise AudioError(f"{path}: no such audio file; check the path") from None
    except OSError as error:
        raise AudioError(f"{path}: cannot be opened ({error.strerror}); check its permissions") from None

    not_finite = int(np.count_nonzero(~np.isfinite(decoded.samples)))
    if not_finite:
        raise AudioError(f"{path}: has {not_finite} samples that are NaN or infinite; export it again as wav or flac")
    if not decoded.samples.size:
        raise AudioError(f"{path}: has no samples; record it again or delete it")
    samples, used, opposite = select_channel(decoded.samples, channel, str(path))
    level = measure_conditions(samples, decoded.rate_hz, clipped_share(decoded.samples))
    if decoded.rate_hz != sample_rate_hz:
        samples = soxr.resample(samples, decoded.rate_hz, sample_rate_hz, quality="VHQ")
    if not samples.size:
        raise AudioError(f"{path}: has no samples; record it again or delete it")

    return Clip(
        name=path.stem if name is None else name,
        path=path,
        sha256=sha256,
        sample_rate_hz=sample_rate_hz,
        samples=samples,
        source_rate_hz=decoded.rate_hz,
        channels=decoded.samples.shape[1],
        f0=read_f0_beside(path, len(samples) / sample_rate_hz, sha256) if with_f0 else None,
        channel=used,
        decoder=decoded.decoder,
        conditions=(*decoded.conditions, *opposite, *level),
    )


def _decode(path: Path) -> Decoded:
    if is_container(path):
        return decode_container(path)
    try:
        return decode_with_libsndfile(path)
    except soundfile.LibsndfileError as error:
        if path.suffix.lower() in CONTAINER_SUFFIXES:
            return decode_container(path)
        reason = error.error_string.strip().rstrip(".")
        raise AudioError(f"{path}: cannot be decoded ({reason}); convert it to wav or flac") from None


def warn_of_conditions(clips: Iterable[Clip]) -> None:
    """Warns once, with a WorkbenchWarning of one line, of the clips that have remarks. Each is named once."""
    remarks = {clip.name: clip.remarks for clip in clips if clip.remarks}
    if remarks:
        lines = [f"{name}: {text}" for name, text in remarks.items()]
        more = f"; and {len(lines) - _NAMED_CLIPS} more clips" if len(lines) > _NAMED_CLIPS else ""
        warnings.warn(WorkbenchWarning("; ".join(lines[:_NAMED_CLIPS]) + more), stacklevel=2)


def find_audio(path: Path) -> list[Path]:
    """Returns the audio files at a path: the file itself, or those directly in the folder, sorted by name.

    Raises:
        AudioError: The path does not exist, the folder has no audio, or two of its files have the same stem: they would
            share an annotation and a name in the results.
    """
    if not path.exists():
        raise AudioError(f"{path}: no such file or folder; check the path")
    if not path.is_dir():
        return [path]
    files = list_audio(path)
    if not files:
        raise AudioError(f"{path}: has no audio; put wav, flac, ogg or mp3 files into the folder")
    return files


def list_audio(folder: Path) -> list[Path]:
    """Returns the audio files directly in a folder, sorted by name; none if the folder is missing or empty.

    Raises AudioError if two files have the same stem.
    """
    if not folder.is_dir():
        return []
    by_stem: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        if file.suffix.lower() not in AUDIO_SUFFIXES or file.name.startswith(".") or file.is_dir():
            continue
        if file.stem in by_stem:
            raise AudioError(
                f"{folder}: {by_stem[file.stem].name} and {file.name} have the same name; rename or delete one"
            )
        by_stem[file.stem] = file
    return list(by_stem.values())
