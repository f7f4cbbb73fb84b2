"""Upstream PESTO as its own package loads it, for comparison with what the workbench makes of it."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from workbench.model.streaming import Estimate
from workbench.recipe.options import Reduction
from workbench.recipe.stream_config import StreamConfig

import pesto  # isort: skip  # after workbench.model.upstream, which makes it importable with CPU torch


def pesto_model(stream: StreamConfig, reduction: Reduction = "alwa") -> torch.nn.Module:
    """Returns the streaming model of `pesto.load_model`, with code of the package only."""
    model = pesto.load_model(
        "mir-1k_g7",
        step_size=stream.hop_ms,
        sampling_rate=stream.sample_rate_hz,
        streaming=True,
        mirror=stream.mirror,
        max_batch_size=stream.streams,
    )
    model.reduction = reduction
    return model


@torch.inference_mode()
def estimates(
    call: Callable[[torch.Tensor], Sequence[torch.Tensor]], audio: np.ndarray, chunk_samples: int
) -> Estimate:
    """Runs audio (streams, n) chunk by chunk; samples after the last whole chunk are left out."""
    whole = audio.shape[-1] // chunk_samples * chunk_samples
    calls = [call(chunk) for chunk in torch.tensor(audio[:, :whole]).split(chunk_samples, -1)]
    return Estimate(*(torch.cat(parts, 1) for parts in zip(*calls, strict=True)))
