"""A quantized stream at 16 kHz, calibrated on one sung phrase: not lowered, so it takes only a few seconds."""

from functools import cache
from pathlib import Path

import numpy as np
import torch

from tests.helpers.progress import RecordedProgress
from workbench.audio.clip_catalog import ClipCatalog
from workbench.model.streaming import StreamingPesto
from workbench.model.upstream import load_upstream
from workbench.progress import Progress
from workbench.quantize.pt2e.quantize import quantize
from workbench.quantize.results import Quantized
from workbench.recipe import Quantization
from workbench.recipe.stream_config import Implementations, StreamConfig

STREAM = StreamConfig(16_000, 320, 1, 1.0)
MIXED = Quantization(parts={"encoder.prefilter": "int8-static"}, observer="percentile")


@cache
def phrase() -> np.ndarray:
    """Returns three seconds of the mezzo phrase, (48000,) float32."""
    catalog = ClipCatalog(Path(__file__).parents[3] / "calib_audio")
    return catalog.read("synthetic/calibrate/phrase-mezzo", STREAM.sample_rate_hz).samples[:48_000]


def float_model(implementations: Implementations | None = None) -> StreamingPesto:
    """Returns the float stream, in the smallest implementations unless others are given."""
    smallest = Implementations("low-rank", toeplitz="block")
    return StreamingPesto(load_upstream("mir-1k_g7", STREAM), STREAM, implementations or smallest)


def quantized(
    rules: Quantization,
    *clips: np.ndarray,
    implementations: Implementations | None = None,
    progress: Progress | None = None,
) -> tuple[StreamingPesto, Quantized]:
    """Returns a stream that is quantized by the rules, and the description of it."""
    model = float_model(implementations)
    torch.set_num_threads(1)
    return model, quantize(model, rules, [torch.tensor(clip) for clip in clips], 0.5, progress or RecordedProgress())
