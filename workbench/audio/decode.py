"""Audio files in: decoded, mixed to mono, resampled, with the known f0 that lies beside them."""

import csv
import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import ArrayLike, NDArray

from workbench.errors import AudioError

# The last row is what phones and video leave behind and libsndfile does not decode. They are listed so that such a
# recording is refused by name; left out, it would be skipped in silence.
AUDIO_SUFFIXES = (
    *(".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3"),
    *(".aif", ".aiff", ".aifc", ".au", ".caf", ".w64", ".rf64"),
    *(".m4a", ".aac", ".mp4", ".wma", ".webm", ".amr", ".3gp"),
)

ANNOTATION_SUFFIX = ".csv"
LONGEST_BRIDGED_GAP_S = 0.05
LONGEST_CLIP_S = 3600  # decoded at 48 kHz and held several times over, an hour is two or three GB
_SAME_TIME_S = 1e-6


@dataclass(frozen=True, eq=False)
class PitchTrack:
    """The known f0 of a clip: `times_s` (n,) float64, strictly increasing; `hz` (n,) float64, 0 where unvoiced.

    Raises AudioError where the two do not fit together, are not finite, or time or frequency run the wrong way.
    """

    times_s: NDArray[np.float64]
    hz: NDArray[np.float64]

    def __post_init__(self) -> None:
        times_s, hz = _read_only(self.times_s, np.float64), _read_only(self.hz, np.float64)
        if times_s.ndim != 1 or times_s.shape != hz.shape or times_s.size == 0:
            raise AudioError(
                f"pitch track: {times_s.shape} times for {hz.shape} frequencies; give one for each, and one at least"
            )
        if not (np.isfinite(times_s).all() and np.isfinite(hz).all()):
            raise AudioError("pitch track: times and frequencies have to be finite; write 0 Hz where unvoiced")
        if (np.diff(times_s) <= 0).any() or (hz < 0).any():
            raise AudioError("pitch track: times have to increase and frequencies be 0 or more; sort or correct them")
        object.__setattr__(self, "times_s", times_s)
        object.__setattr__(self, "hz", hz)

    @property
    def sha256(self) -> str:
        """Of both columns as float64, times first."""
        return hashlib.sha256(self.times_s.tobytes() + self.hz.tobytes()).hexdigest()

    def at(self, times_s: ArrayLike) -> NDArray[np.float64]:
        """f0 in hertz (m,) at `times_s` (m,), 0 where unvoiced.

        On an annotated time (to a microsecond) its own value. Between two, linear in log frequency if both are voiced
        and at most 50 ms apart: many annotators leave unvoiced rows out instead of writing 0, and a wider gap is
        silence more likely than a held note. Everywhere else, and outside the annotated range, 0.
        """
        wanted = np.asarray(times_s, np.float64)
        left = np.clip(np.searchsorted(self.times_s, wanted, side="right") - 1, 0, self.times_s.size - 1)
        right = np.minimum(left + 1, self.times_s.size - 1)
        gap_s = self.times_s[right] - self.times_s[left]
        since_left_s, until_right_s = wanted - self.times_s[left], self.times_s[right] - wanted
        bridged = (since_left_s >= 0) & (until_right_s >= 0) & (gap_s <= LONGEST_BRIDGED_GAP_S + _SAME_TIME_S)
        bridged &= (self.hz[left] > 0) & (self.hz[right] > 0)

        log_hz = np.log(np.where(self.hz > 0, self.hz, 1.0))
        weight = since_left_s / np.where(gap_s > 0, gap_s, 1.0)
        hz = np.where(bridged, np.exp(log_hz[left] + weight * (log_hz[right] - log_hz[left])), 0.0)
        hz = np.where(np.abs(until_right_s) <= _SAME_TIME_S, self.hz[right], hz)
        return np.asarray(np.where(np.abs(since_left_s) <= _SAME_TIME_S, self.hz[left], hz))


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
        sha256 = _sha256(path)
        told_s = soundfile.info(path).duration  # by its header: nothing is decoded yet
        if told_s > LONGEST_CLIP_S:
            raise AudioError(
                f"{path}: {told_s / 3600:.1f} hours of audio, and {LONGEST_CLIP_S / 3600:g} is the most; cut it into "
                "parts"
            )
        # from the file, not from its bytes in memory: there libsndfile misplaces what is behind an ID3 tag
        decoded, source_rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
        if _sha256(path) != sha256:
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


def read_pitch_track(path: Path) -> PitchTrack:
    """Read an annotation: rows of `seconds,hertz`, 0 Hz where unvoiced, a header if you like, blank lines ignored.

    A third column is refused: `time,frequency,confidence` is what trackers write, and an estimate is not a truth.
    Raises AudioError with the line of the first row that is wrong.
    """
    times_s: list[float] = []
    hz: list[float] = []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            header_allowed = True
            for row in reader:
                cells = [cell.strip() for cell in row]
                if not any(cells):
                    continue
                if not (header_allowed and not any(_is_number(cell) for cell in cells)):
                    time_s, frequency_hz = _read_row(
                        cells, f"{path}:{reader.line_num}", times_s[-1] if times_s else None
                    )
                    times_s.append(time_s)
                    hz.append(frequency_hz)
                header_allowed = False
    except (UnicodeDecodeError, csv.Error):
        raise AudioError(f"{path}: not a text file of seconds,hertz rows; export it as comma-separated UTF-8") from None
    except OSError as error:
        raise AudioError(f"{path}: cannot be opened ({error.strerror}); check its permissions") from None
    if not times_s:
        raise AudioError(f"{path}: no rows of seconds,hertz in it; write them or take the file away")
    return PitchTrack(np.array(times_s), np.array(hz))


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


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_row(cells: list[str], where: str, previous_s: float | None) -> tuple[float, float]:
    if len(cells) != 2:
        raise AudioError(f"{where}: {len(cells)} columns where 2 are wanted; write seconds,hertz")
    for cell in cells:
        if not _is_number(cell):
            raise AudioError(f"{where}: '{cell}' is not a number; write seconds,hertz")
    time_s, hz = float(cells[0]), float(cells[1])
    if not (math.isfinite(time_s) and math.isfinite(hz)):
        raise AudioError(f"{where}: {','.join(cells)} is not finite; write 0 Hz where unvoiced")
    if hz < 0:
        raise AudioError(f"{where}: {cells[1]} Hz is negative; write 0 where unvoiced")
    if previous_s is not None and time_s <= previous_s:
        raise AudioError(f"{where}: {cells[0]} s does not come after {previous_s:g} s; sort the rows by time")
    return time_s, hz


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _read_only(values: ArrayLike, dtype: type[np.floating]) -> NDArray[np.floating]:
    array = np.array(values, dtype)
    array.setflags(write=False)
    return array
