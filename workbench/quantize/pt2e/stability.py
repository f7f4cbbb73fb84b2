"""How much a calibration depends on the choice of its clips: compares calibrations on two disjoint halves of them."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from workbench.model.streaming import StreamingPesto
from workbench.quantize.calibration import BATCH
from workbench.quantize.pt2e.annotate import ConvertedPart
from workbench.quantize.results import Stability
from workbench.units import CENTS_PER_SEMITONE

Converted = Mapping[str, ConvertedPart]
"""Part -> the quantized part; a part without int8 layers is absent."""


@torch.no_grad()
def compare_calibrations(
    model: StreamingPesto, first: Converted, second: Converted, frames: Tensor, voiced_confidence: float
) -> Stability:
    """Compares the scales and the pitch of two calibrations of the same model.

    Args:
        model: The float stream.
        first, second: Its quantized parts, once for each half of the clips.
        frames: (frames, frame samples), float32, of all clips.
        voiced_confidence: A frame is voiced if the float model's confidence is at least this.
    """
    scales = np.array(list(zip(_activation_scales(first), _activation_scales(second), strict=True)))
    relative = np.abs(scales[:, 0] - scales[:, 1]) / scales.mean(1)
    energy = torch.cat([model.frontend(rows) for rows in torch.split(frames, BATCH)])
    voiced = (model.confidence(energy, energy.log()) >= voiced_confidence).numpy()
    pitches = [_pitch_semitones(model, converted, frames)[voiced] for converted in (first, second)]
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


def _activation_scales(converted: Converted) -> list[float]:
    """Returns the scales that depend on the calibration; those of weights do not."""
    return [found.scale for part in converted.values() for found in part.ranges if found.tensor != "weight"]


def _pitch_semitones(model: StreamingPesto, converted: Converted, frames: Tensor) -> NDArray[np.float64]:
    """Returns (frames,): the pitch with the quantized parts instead of the float ones."""
    frontend = converted["frontend"].module if "frontend" in converted else model.frontend
    encoder = converted["encoder"].module if "encoder" in converted else model.encoder
    batches = [
        model.reduce(encoder(frontend(rows).log()[:, model.crop].contiguous())) for rows in torch.split(frames, BATCH)
    ]
    return np.asarray(torch.cat(batches), np.float64)
