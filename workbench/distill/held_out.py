"""The test of a student in between: its pitch beside the teacher's, on frames that it is not trained on."""

import torch
from torch import Tensor

from workbench.distill.fake_quantized import FakeQuantizedStudent
from workbench.distill.teacher import Frames
from workbench.model.streaming import Reduce
from workbench.model.student.card import HeldOutScores
from workbench.model.student.network import PITCH_BINS, StudentEncoder
from workbench.recipe.options import Reduction

_AT_ONCE = 4096  # frames


def held_out_scores(
    student: StudentEncoder | FakeQuantizedStudent, frames: Frames, reduction: Reduction, voiced_confidence: float
) -> HeldOutScores | None:
    """Returns the deviation of a student on the voiced frames, or None if there are none."""
    voiced = frames.confidence >= voiced_confidence
    if not voiced.any():
        return None
    reduce = Reduce(PITCH_BINS, reduction)
    difference: list[Tensor] = []
    with torch.no_grad():
        for start in range(0, len(frames), _AT_ONCE):
            chosen = torch.arange(start, min(start + _AT_ONCE, len(frames)))[voiced[start : start + _AT_ONCE]]
            found = reduce(student(frames.log_energy[chosen].float()))
            difference.append((found - reduce(frames.activations[chosen].float())).abs() * 100)
    cents = torch.cat(difference)
    return HeldOutScores(
        frames=len(cents),
        p95_cents=round(float(torch.quantile(cents, 0.95)), 3),
        over_50_cents_rate=round(float((cents > 50).float().mean()), 6),
    )
