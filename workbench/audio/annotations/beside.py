"""Which file beside a clip is its known f0."""

from pathlib import Path

from workbench.audio.annotations.pitch_track import PitchTrack
from workbench.audio.annotations.read import read_pitch_track
from workbench.errors import AudioError

SUFFIXES = (".csv", ".tsv", ".txt", ".f0", ".jams", ".pitchtier", ".svl")


def annotation_beside(audio: Path) -> Path | None:
    """Returns the file with the known f0 of an audio file: its name with one of SUFFIXES, in upper or lower case.

    Raises AudioError if there are several.
    """
    if not audio.parent.is_dir():
        return None
    found = sorted(path for path in audio.parent.iterdir() if is_annotation_of(path, audio) and path.is_file())
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise AudioError(f"{audio}: has several files of known f0 ({names}); keep one")
    return found[0] if found else None


def is_annotation_of(path: Path, audio: Path) -> bool:
    """Whether a file has the name of the known f0 of an audio file."""
    return path.stem == audio.stem and path.suffix.lower() in SUFFIXES


def read_f0_beside(audio: Path, duration_s: float, audio_sha256: str) -> PitchTrack | None:
    """Returns the known f0 of a clip from the file beside it; None if there is none.

    Raises AudioError if there are several, or if the one cannot be read or is of another clip.
    """
    path = annotation_beside(audio)
    return None if path is None else read_pitch_track(path, duration_s, audio_sha256)
