"""Kernels of constant-Q transforms: upstream's, and small artificial ones."""

from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from workbench.model.upstream import load_upstream
from workbench.recipe.stream_config import StreamConfig

Doubles = NDArray[np.float64]


class Kernels(NamedTuple):
    """Taps (2 * bins, 1, kernel), and how many samples of the kernel lie in the future of the stream."""

    taps: torch.Tensor
    mirrored_samples: int

    def windows(self, stream: StreamConfig, audio: np.ndarray) -> torch.Tensor:
        """Returns (windows, window samples) float32, cut out of a clip."""
        length = self.taps.shape[-1] - self.mirrored_samples + (stream.frames_per_chunk - 1) * stream.hop_samples
        starts = range(0, len(audio) - length, 5_000)
        return torch.tensor(np.stack([audio[start : start + length] for start in starts]))

    def spectra(self, stream: StreamConfig, windows: torch.Tensor) -> tuple[Doubles, Doubles]:
        """Returns magnitudes in float64, (windows * frames, bins), and upper bounds for them (Cauchy and Schwarz)."""
        taps = self.taps[:, 0].double().numpy()
        padded = np.pad(windows.double().numpy(), ((0, 0), (0, self.mirrored_samples)))
        frames = np.lib.stride_tricks.sliding_window_view(padded, taps.shape[-1], axis=1)[:, :: stream.hop_samples]
        frames = frames.reshape(-1, taps.shape[-1])
        real, imaginary = np.split(frames @ taps.T, 2, axis=1)
        norms = np.sqrt(np.square(taps).sum(1).reshape(2, -1).sum(0))
        return np.hypot(real, imaginary), norms * np.linalg.norm(frames, axis=1)[:, None]


@cache
def upstream_kernels(stream: StreamConfig) -> Kernels:
    cqt = load_upstream("mir-1k_g7", stream).preprocessor.hcqt_kernels.cqt_kernels[0]
    taps = (cqt.conv.weight * cqt.sqrt_lengths.repeat(2, 1).unsqueeze(-1)).detach()
    return Kernels(taps, cqt.kernel_width - stream.hop_samples - cqt.conv.cache.padding)


def sinusoids(bins: int, samples: int) -> torch.Tensor:
    """Returns taps of Hann-windowed sinusoids of decreasing length, as a constant-Q transform has them."""
    rows = np.zeros((2, bins, samples))
    for index in range(bins):
        octaves = 3 * index / bins
        length = int(samples * 2**-octaves)
        first = (samples - length) // 2
        window = np.hanning(length + 2)[1:-1] / length
        phase = 2 * np.pi * 0.02 * 2**octaves * np.arange(first, first + length)
        rows[:, index, first : first + length] = window * np.cos(phase), -window * np.sin(phase)
    return torch.tensor(rows.reshape(2 * bins, 1, samples), dtype=torch.float32)
