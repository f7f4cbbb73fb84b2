"""How much audio a frame needs before and after the moment that it describes: measured, not believed.

The audio after a moment is replaced. The earliest frame that changes describes a moment before it, by as much as the
tracker looks ahead. Replacing the audio before a moment gives the past that a frame needs.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from workbench.record_model import RecordModel
from workbench.rivals.rival import Estimate, Floats

PROBES = 8
_FIRST, _LAST = 0.4, 0.6  # of the audio: the moments lie between, so that both sides have the same reach
_SAME_CENTS, _SAME_SCORE = 0.1, 0.001  # rounding errors are smaller
_SEED = 11


class Lookahead(RecordModel):
    """The audio that a frame needs around the moment that it describes.

    Attributes:
        future_ms: The audio after it that changes the frame, the largest over the probes. Null if no frame changed.
        past_ms: The audio before it that changes the frame, the largest over the probes. Null if no frame changed.
        probes: The moments at which the audio was replaced.
        reach_ms: The longest that could have been seen.
    """

    future_ms: float | None
    past_ms: float | None
    probes: int
    reach_ms: float


def measure_lookahead(
    track: Callable[[Floats], Estimate], samples: Floats, rate_hz: int, hop_s: float, delay_ms: float
) -> Lookahead:
    """Replaces the audio after, and before, several moments by noise of the same level, and finds the changed frames.

    A frame has changed if its pitch moved by more than 0.1 cents, its score by more than 0.001, or its voicing.

    Args:
        track: The tracker.
        samples: (n,) of a voice, at the tracker's rate; a few seconds.
        rate_hz: The rate.
        hop_s: The tracker's hop. The moments are spread over its phases, so a hop is resolved to an eighth.
        delay_ms: How far its frames are moved back to the moments that they describe.
    """
    level = np.sqrt(np.mean(np.square(samples, dtype=np.float64)))
    other = (level * np.random.default_rng(_SEED).standard_normal(len(samples))).astype(np.float32)
    moments_s = np.linspace(_FIRST, _LAST, PROBES) * len(samples) / rate_hz
    moments_s = (np.round(moments_s / hop_s) + np.arange(PROBES) / PROBES) * hop_s
    expected = track(samples)
    described_s = expected.times_s - delay_ms / 1000
    future_s, past_s = [], []
    for moment_s in moments_s:
        cut = round(moment_s * rate_hz)
        after = _changed(expected, track(np.concatenate([samples[:cut], other[cut:]])))
        before = _changed(expected, track(np.concatenate([other[:cut], samples[cut:]])))
        future_s += [moment_s - described_s[after].min()] if after.any() else []
        past_s += [described_s[before].max() - moment_s] if before.any() else []
    seen = {"future_ms": future_s, "past_ms": past_s}
    return Lookahead(
        **{name: 1000 * float(max(values)) if values else None for name, values in seen.items()},
        probes=PROBES,
        reach_ms=1000 * _FIRST * len(samples) / rate_hz,
        null_reasons={name: "no frame changed" for name, values in seen.items() if not values},
    )


def _changed(expected: Estimate, found: Estimate) -> NDArray[np.bool_]:
    """Returns which frames differ. Frames that only one of the two has count as changed."""
    count = min(len(expected.hz), len(found.hz))
    changed = np.ones(len(expected.hz), bool)
    with np.errstate(divide="ignore", invalid="ignore"):  # two frames without a pitch are equal: NaN > 1 is False
        cents = np.abs(1200 * np.log2(found.hz[:count] / expected.hz[:count]))
    changed[:count] = (cents > _SAME_CENTS) | (found.voiced[:count] != expected.voiced[:count])
    if found.voicing is not None and expected.voicing is not None:
        changed[:count] |= np.abs(found.voicing[:count] - expected.voicing[:count]) > _SAME_SCORE
    return changed
