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
from workbench.units import cents_between

_SIDES = ("baseline", "variant")
_OUTPUTS = ("pitch_semitones", "confidence", "volume")
_ARRAYS = ("time_s", "voiced", *(f"{side}_{output}" for side in _SIDES for output in _OUTPUTS))


@dataclass(frozen=True, eq=False)
class ClipFrames:
    """Both sides of one clip.

    `time_s` (frames,) float64 is the end of each hop in seconds, `voiced` (frames,) bool marks the frames whose pitch
    is compared.
    """

    clip: str
    time_s: NDArray[np.float64]
    voiced: Mask
    baseline: Frames
    variant: Frames

    @property
    def cents(self) -> NDArray[np.float64]:
        """(frames,) float64: variant - baseline in cents over all frames; not finite where a pitch is not."""
        return cents_between(self.variant.pitch_semitones, self.baseline.pitch_semitones)


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
        stored = read_npz_columns(path.read_bytes(), _ARRAYS)
        if stored["voiced"].dtype != bool:
            raise ValueError(f"voiced is {stored['voiced'].dtype}, expected bool")
        sides = [Frames(*(stored[f"{side}_{output}"] for output in _OUTPUTS)) for side in _SIDES]
        return ClipFrames(clip, stored["time_s"], stored["voiced"], *sides)
    except (OSError, ValueError) as error:
        raise WorkbenchError(f"{path}: not a file of frames from a run; run the recipe again with --fresh") from error
