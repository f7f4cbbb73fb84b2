"""The frames of both sides of a clip as a run stores them: `frames/<clip>.npz` in the variant's folder."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.audio.decode import file_stem
from workbench.errors import WorkbenchError
from workbench.measure.paired_frames import Mask, PairedFrames
from workbench.records.result import FRAMES_FOLDER
from workbench.runtime.session import Frames
from workbench.storage.atomic import write_atomic
from workbench.storage.npz import read_npz_columns
from workbench.units import cents_between, hz_to_semitones

_SIDES = ("baseline", "variant")
_OUTPUTS = ("pitch_semitones", "confidence", "volume")
_KNOWN = "known_hz"
_ARRAYS = ("time_s", "voiced", *(f"{side}_{output}" for side in _SIDES for output in _OUTPUTS))


@dataclass(frozen=True, eq=False)
class ClipFrames:
    """Both sides of one clip.

    `time_s` (frames,) float64 is the end of each hop in seconds, `voiced` (frames,) bool marks the frames whose pitch
    is compared. `known_hz` (frames,) float64 is the known f0 that each frame is compared with, 0 if unvoiced and NaN if
    unknown; None if the clip has none, or if the run did not store it.
    """

    clip: str
    time_s: NDArray[np.float64]
    voiced: Mask
    baseline: Frames
    variant: Frames
    known_hz: NDArray[np.float64] | None = None

    @property
    def cents(self) -> NDArray[np.float64]:
        """(frames,) float64: variant - baseline in cents over all frames; not finite where a pitch is not."""
        return cents_between(self.variant.pitch_semitones, self.baseline.pitch_semitones)

    @property
    def error_cents(self) -> NDArray[np.float64] | None:
        """(frames,) float64: variant - known f0 in cents, NaN if there is no known pitch; None without `known_hz`."""
        if self.known_hz is None:
            return None
        return cents_between(self.variant.pitch_semitones, hz_to_semitones(self.known_hz))


def frames_path(folder: Path, clip: str) -> Path:
    """The path of a clip's frames in a variant's folder."""
    return folder / FRAMES_FOLDER / f"{file_stem(clip)}.npz"


def write_frames(folder: Path, sides: PairedFrames, time_s: NDArray[np.float64]) -> Path:
    """Stores both sides of a clip and returns the path.

    Args:
        folder: The variant's folder.
        sides: Both sides, and which frames are voiced.
        time_s: (frames,) float64, the end of each hop in seconds.
    """
    arrays = {f"{side}_{output}": getattr(getattr(sides, side), output) for side in _SIDES for output in _OUTPUTS}
    if sides.known_hz is not None:
        arrays[_KNOWN] = sides.known_hz
    content = io.BytesIO()
    np.savez_compressed(content, time_s=time_s, voiced=sides.voiced, allow_pickle=False, **arrays)
    path = frames_path(folder, sides.name)
    write_atomic(path, content.getvalue())
    return path


def read_frames(folder: Path, clip: str) -> ClipFrames | None:
    """Reads both sides of a clip. Returns None if the folder has no such file.

    Raises:
        WorkbenchError: if the file cannot be read as frames.
    """
    path = frames_path(folder, clip)
    if not path.is_file():
        return None
    try:
        content = path.read_bytes()
        stored = read_npz_columns(content, _ARRAYS)
        if stored["voiced"].dtype != bool:
            raise ValueError(f"voiced is {stored['voiced'].dtype}, expected bool")
        baseline, variant = (Frames(*(stored[f"{side}_{output}"] for output in _OUTPUTS)) for side in _SIDES)
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            has_known = _KNOWN in arrays
        known_hz = read_npz_columns(content, (*_ARRAYS, _KNOWN))[_KNOWN] if has_known else None
        return ClipFrames(clip, stored["time_s"], stored["voiced"], baseline, variant, known_hz)
    except (OSError, ValueError) as error:
        raise WorkbenchError(f"{path}: not a file of frames from a run; run the recipe again with --fresh") from error
