"""How far the teacher moves from itself if the audio comes 16 samples later: the floor of a student's deviation.

    python -m tools.docs.students.floor OUT.json [AUDIO]      AUDIO is a folder; by default the shipped scoring clips

The teacher's activations are almost one-hot, on a grid of 33.3 cents. So a shift that no listener notices moves some
frames by a whole bin. Nobody can expect less of a student.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

import workbench
from workbench.measure.deviation import PitchDeviation, confidence_deviation, pitch_deviation
from workbench.progress import Progress
from workbench.record_model import RecordModel
from workbench.runtime.session import concat_frames, run_chunks
from workbench.storage.json_files import write_json
from workbench.workflows.folders import open_catalog
from workbench.workflows.variant.prepare import load_clips, prepare

SHIFT_SAMPLES = 16
_RECIPE = "float-xnnpack"


class ShiftFloor(RecordModel):
    """The deviation of the teacher on later audio from the teacher.

    Attributes:
        clips: The names of the clips.
        voiced_frames: The frames whose pitch is compared: the teacher's confidence is that of a voiced frame.
        pitch: The deviation of the pitch.
        confidence_p95: The 95th percentile of the absolute difference of the confidence, over all frames.
    """

    clips: tuple[str, ...]
    voiced_frames: int
    pitch: PitchDeviation
    confidence_p95: float | None


def measure(audio: Path | None) -> ShiftFloor:
    """Runs the teacher on every clip twice: as it is, and SHIFT_SAMPLES later, after silence."""
    torch.set_num_threads(1)
    recipe = workbench.load_recipe(_RECIPE)
    (variant,) = load_clips([prepare(recipe)], open_catalog(None), audio, Progress())
    session = variant.baseline.session()
    silence = np.zeros(SHIFT_SAMPLES, np.float32)
    before, after = [], []
    for clip in variant.scored_clips:
        before.append(run_chunks(session, clip.samples))
        after.append(run_chunks(session, np.concatenate((silence, clip.samples))[: len(clip.samples)]))
    teacher, shifted = concat_frames(before), concat_frames(after)
    voiced = teacher.confidence >= recipe.scoring.voiced_confidence
    return ShiftFloor(
        clips=tuple(clip.name for clip in variant.scored_clips),
        voiced_frames=int(voiced.sum()),
        pitch=pitch_deviation(teacher, shifted, voiced),
        confidence_p95=confidence_deviation(teacher, shifted).p95,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measures how far the teacher moves from itself.")
    parser.add_argument("out", type=Path)
    parser.add_argument("audio", type=Path, nargs="?")
    arguments = parser.parse_args()
    write_json(measure(arguments.audio), arguments.out)
