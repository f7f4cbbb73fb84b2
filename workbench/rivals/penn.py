"""penn (FCNF0++): a convolutional network on windows of 128 ms. Its checkpoint is downloaded when it is first used."""

import sys
import types
from pathlib import Path

import numpy as np

from workbench.errors import RivalError
from workbench.rivals.rival import (
    HIGHEST_HZ,
    LOWEST_HZ,
    ONE_WINDOW,
    Estimate,
    Floats,
    Rival,
    SlidingWindow,
    Tracker,
    estimate,
)

_RATE_HZ, _HOP, _BATCH_FRAMES = 8_000, 80, 256
_THRESHOLD = 0.1625  # the default of penn's command line
_REPOSITORY, _CHECKPOINT = "maxrmorrison/fcnf0-plus-plus", "fcnf0++.pt"  # as penn.infer names them


def _load() -> Tracker:
    from workbench.model.upstream import stub_torchaudio_if_broken

    stub_torchaudio_if_broken()  # penn imports it, and uses it to read and resample only
    stub_torbi_if_broken()
    import penn
    import torch

    checkpoint = _download()
    highest_hz = min(HIGHEST_HZ, penn.FMAX)

    def predict(samples: Floats, center: str) -> tuple[torch.Tensor, torch.Tensor]:
        pitch_hz, periodicity = penn.from_audio(
            torch.from_numpy(np.array(samples, np.float32))[None],
            _RATE_HZ,
            fmin=LOWEST_HZ,
            fmax=highest_hz,
            checkpoint=checkpoint,
            batch_size=_BATCH_FRAMES,
            center=center,
            decoder="argmax",
        )
        return pitch_hz[0], periodicity[0]

    def track(samples: Floats) -> Estimate:
        pitch_hz, periodicity = predict(samples, "half-hop")
        times_s = (np.arange(len(pitch_hz)) + 0.5) * _HOP / _RATE_HZ
        return estimate(times_s, pitch_hz.numpy(), periodicity.numpy(), _THRESHOLD)

    window = SlidingWindow(penn.WINDOW_SIZE, lambda samples: predict(samples, "half-window"))
    return Tracker(track, (checkpoint,), window.push, streamed=ONE_WINDOW)


def stub_torbi_if_broken() -> None:
    """Lets `import penn` succeed if torbi has no library for this torch: only the decoder "viterbi" calls it."""
    try:
        import torbi  # noqa: F401
    except (ImportError, OSError):
        sys.modules["torbi"] = types.ModuleType("torbi")


def _download() -> Path:
    """Returns the checkpoint, downloaded if it is not here yet. Raises RivalError if it cannot be downloaded."""
    import huggingface_hub

    try:
        return Path(huggingface_hub.hf_hub_download(_REPOSITORY, _CHECKPOINT))
    except (OSError, ValueError) as error:
        raise RivalError(
            f"penn: its checkpoint {_CHECKPOINT} is not here and cannot be downloaded; run again with a network"
        ) from error


PENN = Rival(
    name="penn",
    module="penn",
    package="penn",
    licence="MIT",
    sample_rate_hz=_RATE_HZ,
    hop_samples=_HOP,
    voicing="periodicity: how far the entropy of the pitch distribution is from the largest possible",
    default_threshold=_THRESHOLD,
    lookahead="half of a window of 1,024 samples at 8 kHz; decoded frame by frame (argmax)",
    advice="speech and music must be tracked by the same model, and a download at first use is acceptable",
    load=_load,
)
