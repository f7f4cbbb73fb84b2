"""Conditions of a recording that a figure may suffer from, each with its measured value."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from workbench.record_model import RecordModel

Kind = Literal[
    "clipped",
    "DC offset",
    "very quiet",
    "nearly silent",
    "opposite phase",
    "no length in the header",
    "gaps",
    "unknown encoder delay",
    "ends early",
]

_FLAT_SAMPLES, _FLAT_FROM = 4, 0.25  # a 16-bit sine of 50 Hz at 48 kHz has at most 3 equal samples above -12 dBFS
_LEAST_CLIPPED = 1e-4
_LEAST_OFFSET, _LEAST_OFFSET_TO_RMS = 0.001, 0.05
# at -40 dBFS PESTO's confidence is above 0.5 on less than half of the sung frames, at -65 on none
_VERY_QUIET_DBFS, _NEARLY_SILENT_DBFS, _SILENCE_DBFS = -38.0, -65.0, -200.0
_BLOCK_S = 0.4  # as the blocks of momentary loudness in ITU-R BS.1770


class Condition(RecordModel):
    """Something about a recording that a reader of its figures should know.

    Attributes:
        kind: `clipped`: the share of samples that are beyond full scale, or in a flat top of at least 4 equal samples.
            `DC offset`: the mean, where full scale is 1. `very quiet` and `nearly silent`: the level of the loudest
            0.4 s in dBFS, below -38 and below -65. `opposite phase`: how many dB the mix of the channels is below them.
            `no length in the header`: the seconds that the samples after the header last. `gaps`: the seconds that the
            timestamps skip. `unknown encoder delay`: the most milliseconds that the audio can be late by.
            `ends early`: the seconds that are missing.
        value: The measured value.
        unit: The unit of the value.
    """

    kind: Kind
    value: float
    unit: str

    def __str__(self) -> str:
        """Returns the condition with its value, for example `clipped (1.2 % of samples)`."""
        if self.kind == "opposite phase":
            return f"channels in opposite phase (their mix is {self.value:.0f} dB below them), so the louder is read"
        if self.unit == "share of samples":
            return f"{self.kind} ({100 * self.value:.2g} % of samples)"
        return f"{self.kind} ({self.value:.3g} {self.unit})"


def measure_conditions(samples: NDArray[np.float32], rate_hz: int, clipped_share: float) -> tuple[Condition, ...]:
    """Returns what is wrong with the level of a recording.

    Args:
        samples: (n,) one channel or the mix, at the rate of the file, n > 0.
        rate_hz: The rate of the file.
        clipped_share: The share of clipped samples of the channels, before they were mixed.
    """
    found = []
    if clipped_share >= _LEAST_CLIPPED:
        found.append(Condition(kind="clipped", value=clipped_share, unit="share of samples"))
    mean = float(samples.mean(dtype=np.float64))
    centred = samples - np.float32(mean)
    if abs(mean) >= max(_LEAST_OFFSET, _LEAST_OFFSET_TO_RMS * _rms(centred)):
        found.append(Condition(kind="DC offset", value=mean, unit="of full scale"))
    level_dbfs = _loudest_block_dbfs(centred, round(_BLOCK_S * rate_hz))
    if level_dbfs < _VERY_QUIET_DBFS:
        kind: Kind = "nearly silent" if level_dbfs < _NEARLY_SILENT_DBFS else "very quiet"
        found.append(Condition(kind=kind, value=level_dbfs, unit="dBFS"))
    return tuple(found)


def clipped_share(channels: NDArray[np.float32]) -> float:
    """Returns the share of clipped samples of the worst of (n, channels), n > 0.

    A sample is clipped if it is beyond full scale, as a lossy codec decodes what was clipped, or if it is in a run of
    at least 4 equal samples at the largest or the smallest value of its channel, at -12 dBFS or more.
    """
    return max(_clipped(channels[:, column]) for column in range(channels.shape[1])) / len(channels)


def _clipped(samples: NDArray[np.float32]) -> int:
    clipped = np.abs(samples) > 1
    for extreme in (samples.max(), samples.min()):
        if abs(extreme) < _FLAT_FROM:
            continue
        edges = np.flatnonzero(np.diff(samples == extreme, prepend=False, append=False))
        begins, lengths = edges[::2], edges[1::2] - edges[::2]
        flat = lengths >= _FLAT_SAMPLES
        clipped[np.repeat(begins[flat], lengths[flat]) + _counts(lengths[flat])] = True
    return int(np.count_nonzero(clipped))


def _counts(lengths: NDArray[np.intp]) -> NDArray[np.intp]:
    """Returns 0, 1, ... up to each length, one after another."""
    return np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)


def _rms(samples: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.square(samples, dtype=np.float64).mean()))


def _loudest_block_dbfs(samples: NDArray[np.float32], block_samples: int) -> float:
    starts = range(0, max(1, len(samples) - block_samples + 1), max(1, block_samples // 2))
    loudest = max(_rms(samples[start : start + block_samples]) for start in starts)
    return max(_SILENCE_DBFS, 20 * float(np.log10(loudest))) if loudest else _SILENCE_DBFS
