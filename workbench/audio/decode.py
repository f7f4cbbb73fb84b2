"""Audio files: decoded, mixed to mono and resampled, with the known f0 from the CSV file beside them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from workbench.audio.annotations import ANNOTATION_SUFFIX, PitchTrack, read_only, read_pitch_track
from workbench.errors import AudioError
from workbench.storage.hashing import sha256_of

# libsndfile does not decode the last row, which phones and video cameras record. They are listed so that such a
# recording is rejected by name and not skipped without a message.
AUDIO_SUFFIXES = (
    *(".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3"),
    *(".aif", ".aiff", ".aifc", ".au", ".caf", ".w64", ".rf64"),
    *(".m4a", ".aac", ".mp4", ".wma", ".webm", ".amr", ".3gp"),
)

LONGEST_CLIP_S = 3600  # an hour at 48 kHz takes two or three GB, because several copies are in memory


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
    """

    name: str
    path: Path
    sha256: str
    sample_rate_hz: int
    samples: NDArray[np.float32]
    source_rate_hz: int
    channels: int
    f0: PitchTrack | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "samples", read_only(self.samples, np.float32))

    @property
    def duration_s(self) -> float:
        """Duration in seconds."""
        return len(self.samples) / self.sample_rate_hz


def file_stem(clip: str) -> str:
    """Returns the stem of the files that belong to a clip, by its name: names in the catalog contain folders."""
    return clip.replace("/", "-")


def read_clip(path: Path, sample_rate_hz: int, name: str | None = None) -> Clip:
    """Decodes a file, mixes it to mono (the mean of its channels) and resamples it (soxr, very high quality).

    Args:
        path: The file. `NAME.csv` beside `NAME.wav` is its known f0.
        sample_rate_hz: The rate to resample to.
        name: The name of the clip; by default the stem of the file.

    Returns:
        The clip.

    Raises:
        AudioError: The file is missing, a folder, not audio, empty, longer than an hour, not finite or still being
            written, or its annotation is wrong.
    """
    if path.is_dir():
        raise AudioError(f"{path}: expected an audio file, got a folder; name one of its files")
    try:
        sha256 = sha256_of(path)
        header_s = soundfile.info(path).duration  # from the header: nothing is decoded yet
        if header_s > LONGEST_CLIP_S:
            raise AudioError(
                f"{path}: has {header_s / 3600:.1f} hours of audio, at most {LONGEST_CLIP_S / 3600:g} is allowed; "
                "cut it into parts"
            )
        # libsndfile misplaces what follows an ID3 tag if it reads from memory, so it reads the file itself
        decoded, source_rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
        if sha256_of(path) != sha256:
            raise AudioError(f"{path}: changed while it was read; wait until it is complete and run again")
    except FileNotFoundError:
        raise AudioError(f"{path}: no such audio file; check the path") from None
    except soundfile.LibsndfileError as error:
        reason = error.error_string.strip().rstrip(".")
        raise AudioError(f"{path}: cannot be decoded ({reason}); convert it to wav or flac") from None
    except OSError as error:
        raise AudioError(f"{path}: cannot be opened ({error.strerror}); check its permissions") from None

    not_finite = int(np.count_nonzero(~np.isfinite(decoded)))
    if not_finite:
        raise AudioError(f"{path}: has {not_finite} samples that are NaN or infinite; export it again as wav or flac")
    channels = decoded.shape[1]
    samples = decoded.mean(axis=1)
    if samples.size and source_rate_hz != sample_rate_hz:
        samples = soxr.resample(samples, source_rate_hz, sample_rate_hz, quality="VHQ")
    if not samples.size:
        raise AudioError(f"{path}: has no samples; record it again or delete it")

    annotation = path.with_suffix(ANNOTATION_SUFFIX)
    return Clip(
        name=path.stem if name is None else name,
        path=path,
        sha256=sha256,
        sample_rate_hz=sample_rate_hz,
        samples=samples,
        source_rate_hz=int(source_rate_hz),
        channels=channels,
        f0=read_pitch_track(annotation) if annotation.is_file() else None,
    )


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
