"""Audio files in: decoded, mixed to mono, resampled, with the known f0 that lies beside them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from workbench.audio.annotations import ANNOTATION_SUFFIX, PitchTrack, _read_only, read_pitch_track
from workbench.errors import AudioError
from workbench.storage.hashing import sha256_of

# The last row is what phones and video leave behind and libsndfile does not decode. They are listed so that such a
# recording is refused by name; left out, it would be skipped in silence.
AUDIO_SUFFIXES = (
    *(".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3"),
    *(".aif", ".aiff", ".aifc", ".au", ".caf", ".w64", ".rf64"),
    *(".m4a", ".aac", ".mp4", ".wma", ".webm", ".amr", ".3gp"),
)

LONGEST_CLIP_S = 3600  # decoded at 48 kHz and held several times over, an hour is two or three GB


@dataclass(frozen=True, eq=False)
class Clip:
    """One recording as the model hears it: `samples` (n,) float32, mono, full scale 1.0, read-only.

    `sha256` is of the file's bytes; `sample_rate_hz` is after resampling, `source_rate_hz` and `channels` before it.
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
        object.__setattr__(self, "samples", _read_only(self.samples, np.float32))

    @property
    def duration_s(self) -> float:
        return len(self.samples) / self.sample_rate_hz


def file_stem(clip: str) -> str:
    """What files of a clip are called, by its name: the corpus's have folders in them."""
    return clip.replace("/", "-")


def read_clip(path: Path, sample_rate_hz: int, name: str | None = None) -> Clip:
    """Decode `path`, mix it to mono (the mean of its channels) and resample it (soxr, very high quality).

    `NAME.csv` beside `NAME.wav` is read as its f0. The clip is called `name`, or by the file's stem.
    Raises AudioError for a file that is missing, a folder, not audio, empty, longer than LONGEST_CLIP_S, not finite, or
    still being written, and for a bad annotation.
    """
    if path.is_dir():
        raise AudioError(f"{path}: a folder where an audio file is wanted; name one of its files")
    try:
        sha256 = sha256_of(path)
        told_s = soundfile.info(path).duration  # by its header: nothing is decoded yet
        if told_s > LONGEST_CLIP_S:
            raise AudioError(
                f"{path}: {told_s / 3600:.1f} hours of audio, and {LONGEST_CLIP_S / 3600:g} is the most; cut it into "
                "parts"
            )
        # from the file, not from its bytes in memory: there libsndfile misplaces what is behind an ID3 tag
        decoded, source_rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
        if sha256_of(path) != sha256:
            raise AudioError(f"{path}: changed while it was read; wait until it is all there, and run again")
    except FileNotFoundError:
        raise AudioError(f"{path}: no such audio file; check the path") from None
    except soundfile.LibsndfileError as error:
        reason = error.error_string.strip().rstrip(".")
        raise AudioError(f"{path}: not audio that can be read ({reason}); convert it to wav or flac") from None
    except OSError as error:
        raise AudioError(f"{path}: cannot be opened ({error.strerror}); check its permissions") from None

    broken = int(np.count_nonzero(~np.isfinite(decoded)))
    if broken:
        raise AudioError(f"{path}: {broken} of its samples are NaN or infinite; export it again as wav or flac")
    channels = decoded.shape[1]
    samples = decoded.mean(axis=1)
    if samples.size and source_rate_hz != sample_rate_hz:
        samples = soxr.resample(samples, source_rate_hz, sample_rate_hz, quality="VHQ")
    if not samples.size:
        raise AudioError(f"{path}: 0 samples of audio; record it again or take it away")

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
    """The audio files that `path` stands for: itself, or those directly in the folder, sorted by name.

    Raises AudioError where it is missing, where a folder has no audio, and where two files share a stem: they would
    share a name in the results and an annotation.
    """
    if not path.exists():
        raise AudioError(f"{path}: no such file or folder; check the path")
    if not path.is_dir():
        return [path]
    files = list_audio(path)
    if not files:
        raise AudioError(f"{path}: no audio in this folder; put wav, flac, ogg or mp3 files into it")
    return files


def list_audio(folder: Path) -> list[Path]:
    """As `find_audio`, for a folder that may be missing or empty."""
    if not folder.is_dir():
        return []
    by_stem: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        if file.suffix.lower() not in AUDIO_SUFFIXES or file.name.startswith(".") or file.is_dir():
            continue
        if file.stem in by_stem:
            raise AudioError(f"{folder}: {by_stem[file.stem].name} and {file.name} share a name; rename or remove one")
        by_stem[file.stem] = file
    return list(by_stem.values())
