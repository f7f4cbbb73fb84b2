"""The frames of a clip as a run keeps them, both sides: `frames/<clip>.npz` in the variant's folder."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.audio.decode import file_stem
from workbench.errors import WorkbenchError
from workbench.measure.deviation import Mask, PairedFrames
from workbench.runtime.session import Frames
from workbench.storage.atomic import write_atomic
from workbench.storage.npz import read_npz_columns
from workbench.units import CENTS_PER_SEMITONE

_SIDES = ("baseline", "variant")
_OF_A_SIDE = ("pitch_semitones", "confidence", "volume")
_ARRAYS = ("time_s", "voiced", *(f"{side}_{what}" for side in _SIDES for what in _OF_A_SIDE))


@dataclass(frozen=True, eq=False)
class ClipFrames:
    """Both sides of one clip; `time_s` (frames,) float64 is when each hop ends, `voiced` where pitch is compared."""

    clip: str
    time_s: NDArray[np.float64]
    voiced: Mask
    baseline: Frames
    variant: Frames

    @property
    def cents(self) -> NDArray[np.float64]:
        """(frames,) variant - baseline, over all frames; not finite where a pitch is not."""
        difference = self.variant.pitch_semitones.astype(np.float64) - self.baseline.pitch_semitones
        return np.asarray(difference * CENTS_PER_SEMITONE)


def frames_path(folder: Path, clip: str) -> Path:
    """Where a variant's folder has the frames of a clip."""
    return folder / "frames" / f"{file_stem(clip)}.npz"


def write_frames(folder: Path, sides: PairedFrames, time_s: NDArray[np.float64]) -> Path:
    """Store both sides of a clip; `time_s` (frames,) is when each hop ends."""
    arrays = {
        f"{side}_{what}": getattr(frames, what)
        for side, frames in (("baseline", sides.baseline), ("variant", sides.variant))
        for what in _OF_A_SIDE
    }
    content = io.BytesIO()
    np.savez_compressed(content, time_s=time_s, voiced=sides.voiced, allow_pickle=False, **arrays)
    path = frames_path(folder, sides.name)
    write_atomic(path, content.getvalue())
    return path


def read_frames(folder: Path, clip: str) -> ClipFrames | None:
    """Both sides of a clip, None where the folder has none. Raises WorkbenchError for a file that cannot be read."""
    path = frames_path(folder, clip)
    if not path.is_file():
        return None
    try:
        stored = read_npz_columns(path.read_bytes(), _ARRAYS)
        if stored["voiced"].dtype != bool:
            raise ValueError("a mask of numbers")
        sides = [Frames(*(stored[f"{side}_{what}"] for what in _OF_A_SIDE)) for side in _SIDES]
        return ClipFrames(clip, stored["time_s"], stored["voiced"], *sides)
    except (OSError, ValueError) as error:
        raise WorkbenchError(f"{path}: not frames that a run left; run the recipe again with --fresh") from error
