"""How much a calibration is the choice of its clips: two on disjoint halves, held against each other."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from workbench.model.streaming import StreamingPesto
from workbench.quantize.calibration import BATCH
from workbench.quantize.results import Stability, TensorRange
from workbench.units import CENTS_PER_SEMITONE

CalibratedHalf = tuple[
    Mapping[str, nn.Module], Sequence[TensorRange]
]  # the parts that were quantized, and their ranges


@torch.no_grad()
def stability(
    model: StreamingPesto, one: CalibratedHalf, other: CalibratedHalf, frames: Tensor, voiced_confidence: float
) -> Stability:
    """Two calibrations of the float `model` compared: scales, and pitch on all clips' (frames, samples)."""
    scales = np.array(
        [
            (mine.scale, theirs.scale)
            for mine, theirs in zip(one[1], other[1], strict=True)
            if mine.tensor != "weight"  # weights are the same in both
        ]
    )
    relative = np.abs(scales[:, 0] - scales[:, 1]) / scales.mean(1)
    energy = torch.cat([model.frontend(rows) for rows in torch.split(frames, BATCH)])
    voiced = (model.confidence(energy, energy.log()) >= voiced_confidence).numpy()
    pitches = [_pitch(model, modules, frames)[voiced] for modules, _ in (one, other)]
    cents = np.abs(pitches[0] - pitches[1]) * CENTS_PER_SEMITONE
    nulls = {} if voiced.any() else dict.fromkeys(("pitch_median_cents", "pitch_p95_cents"), "no voiced frame")
    return Stability(
        tensors=len(scales),
        scale_median_relative=float(np.median(relative)),
        scale_max_relative=float(relative.max()),
        voiced_frames=int(voiced.sum()),
        pitch_median_cents=float(np.median(cents)) if voiced.any() else None,
        pitch_p95_cents=float(np.percentile(cents, 95)) if voiced.any() else None,
        null_reasons=nulls,
    )


def _pitch(model: StreamingPesto, modules: Mapping[str, nn.Module], frames: Tensor) -> NDArray[np.float64]:
    """Semitones of every frame, with the quantized parts in place of the float ones."""
    frontend, encoder = modules.get("frontend", model.frontend), modules.get("encoder", model.encoder)

    batches = [
        model.reduce(encoder(frontend(rows).log()[:, model.crop].contiguous())) for rows in torch.split(frames, BATCH)
    ]
    return np.asarray(torch.cat(batches), np.float64)
