"""CREPE, as torchcrepe has it in PyTorch: a convolutional network on windows of 64 ms, in two sizes."""

from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

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

_RATE_HZ, _BATCH_FRAMES = 16_000, 256
_THRESHOLD = 0.21  # torchcrepe's README, "Filtering and thresholding"


def _load(size: Literal["tiny", "full"], hop_samples: int) -> Tracker:
    from workbench.model.upstream import stub_torchaudio_if_broken

    stub_torchaudio_if_broken()  # torchcrepe imports it, and uses it to read files only
    import torch
    import torchcrepe

    highest_hz = min(HIGHEST_HZ, torchcrepe.MAX_FMAX)

    def predict(samples: Floats, pad: bool) -> tuple[torch.Tensor, torch.Tensor]:
        # The default decoder finds a path through the whole clip. This one decides frame by frame, so it can be
        # streamed, and it returns more than 20-cent steps.
        pitch_hz, periodicity = torchcrepe.predict(
            torch.from_numpy(np.array(samples, np.float32))[None],
            _RATE_HZ,
            hop_samples,
            LOWEST_HZ,
            highest_hz,
            size,
            decoder=torchcrepe.decode.weighted_argmax,
            return_periodicity=True,
            batch_size=_BATCH_FRAMES,
            pad=pad,
        )
        return pitch_hz[0], periodicity[0]

    def track(samples: Floats) -> Estimate:
        pitch_hz, periodicity = predict(samples, pad=True)
        times_s = np.arange(len(pitch_hz)) * hop_samples / _RATE_HZ
        return estimate(times_s, pitch_hz.numpy(), periodicity.numpy(), _THRESHOLD)

    torchcrepe.load.model("cpu", size)
    window = SlidingWindow(torchcrepe.WINDOW_SIZE, lambda samples: predict(samples, pad=False))
    weights = Path(torchcrepe.__file__).parent / "assets" / f"{size}.pth"
    return Tracker(track, (weights,), window.push, streamed=ONE_WINDOW)


def _crepe(size: Literal["tiny", "full"], hop_samples: int, advice: str) -> Rival:
    return Rival(
        name=f"torchcrepe-{size}",
        module="torchcrepe",
        package="torchcrepe",
        licence="MIT",
        sample_rate_hz=_RATE_HZ,
        hop_samples=hop_samples,
        voicing="the activation of the best pitch bin",
        default_threshold=_THRESHOLD,
        lookahead="half of a window of 1,024 samples; decoded frame by frame (weighted argmax)",
        advice=advice,
        load=partial(_load, size, hop_samples),
    )


TORCHCREPE_TINY = _crepe("tiny", 160, "results must be comparable with the many papers that used CREPE")
TORCHCREPE_FULL = _crepe("full", 320, "a recording is analysed once, without haste, as a reference for other trackers")
