"""Reads the known f0 of a clip from a file, whose format is recognized by its content."""

import codecs
import warnings
from collections.abc import Callable
from pathlib import Path

from workbench.audio.annotations.columns import StatedUnits, read_columns
from workbench.audio.annotations.jams_file import read_jams
from workbench.audio.annotations.pitch_track import PitchTrack
from workbench.audio.annotations.praat import read_pitch_tier
from workbench.audio.annotations.rows import Rows, track_of
from workbench.audio.annotations.sonic_visualiser import read_layer
from workbench.errors import AudioError, WorkbenchWarning

_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_READERS: dict[str, Callable[[Path, str], Rows]] = {
    "{": read_jams,
    "<": read_layer,
    'File type = "ooTextFile': read_pitch_tier,
    '"ooTextFile': read_pitch_tier,
}  # by the beginning of the text; everything else is columns


def read_pitch_track(
    path: Path, duration_s: float | None = None, audio_sha256: str = "", stated: StatedUnits | None = None
) -> PitchTrack:
    """Reads an annotation of f0: columns of text, JAMS, a PitchTier of Praat, or a layer of Sonic Visualiser or Tony.

    Warns with a WorkbenchWarning of one line if something about the file is assumed.

    Args:
        path: The file.
        duration_s: The length of the clip, so that an annotation of another clip is refused.
        audio_sha256: The hash of the clip's file, which a file that the workbench wrote has to name.
        stated: The units of a file in columns, if its header does not name them.

    Raises:
        AudioError: The file cannot be read, or a row is wrong; the message names the first such line.
    """
    text = _text(path)
    track, assumed = track_of(_rows(path, text, stated or StatedUnits()), duration_s, audio_sha256)
    if assumed:
        warnings.warn(WorkbenchWarning(f"{path}: {'; '.join(assumed)}"), stacklevel=2)
    return track


def _rows(path: Path, text: str, stated: StatedUnits) -> Rows:
    for mark, read in _READERS.items():
        if text.lstrip().startswith(mark):
            if stated != StatedUnits():
                raise AudioError(f"{path}: names its units itself; state none")
            return read(path, text)
    return read_columns(path, text, stated)


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
        return content.decode("utf-16" if content.startswith(_UTF16_MARKS) else "utf-8-sig")
    except UnicodeDecodeError:
        raise AudioError(f"{path}: is not a text file; export it as CSV in UTF-8") from None
    except OSError as error:
        raise AudioError(f"{path}: cannot be opened ({error.strerror}); check its permissions") from None
