"""YIN and its probabilistic version pYIN, as librosa has them: no weights."""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from workbench.rivals.rival import HIGHEST_HZ, LOWEST_HZ, ONE_WINDOW, Estimate, Floats, Rival, SlidingWindow, Tracker

_RATE_HZ, _HOP, _WINDOW = 22_050, 256, 2_048


def _load_pyin() -> Tracker:
    import librosa

    def track(samples: Floats) -> Estimate:
        hz, voiced, probability = librosa.pyin(
            samples,
            fmin=LOWEST_HZ,
            fmax=HIGHEST_HZ,
            sr=_RATE_HZ,
            frame_length=_WINDOW,
            hop_length=_HOP,
            fill_na=None,
        )
        times_s = np.arange(len(hz)) * _HOP / _RATE_HZ
        return Estimate(times_s, hz, np.asarray(voiced, bool), np.asarray(probability, np.float64))

    return Tracker(track)


def _load_yin() -> Tracker:
    import librosa

    def yin(samples: Floats, center: bool) -> NDArray[np.float64]:
        hz = librosa.yin(
            samples,
            fmin=LOWEST_HZ,
            fmax=HIGHEST_HZ,
            sr=_RATE_HZ,
            frame_length=_WINDOW,
            hop_length=_HOP,
            center=center,
        )
        return np.asarray(hz, np.float64)

    def track(samples: Floats) -> Estimate:
        hz = yin(samples, center=True)
        return Estimate(np.arange(len(hz)) * _HOP / _RATE_HZ, hz, np.ones(len(hz), bool), None)

    window = SlidingWindow(_WINDOW, lambda samples: yin(samples, center=False))
    return Tracker(track, push=window.push, streamed=ONE_WINDOW)


_rival = partial(
    Rival,
    module="librosa",
    package="librosa",
    licence="ISC",
    sample_rate_hz=_RATE_HZ,
    hop_samples=_HOP,
    default_threshold=None,
)
PYIN = _rival(
    name="pyin",
    voicing="a hidden Markov model decides; the score is its probability of a pitch",
    lookahead="half of a window of 2,048 samples; a path through the whole clip",
    advice="a recording is analysed afterwards in a project that has librosa already",
    load=_load_pyin,
)
YIN = _rival(
    name="yin",
    voicing="none: every frame has a pitch, and librosa returns no score",
    lookahead="half of a window of 2,048 samples",
    advice="the input is one clear voice or instrument, something else finds the pauses, and nothing may be installed "
    "beyond a few lines of arithmetic",
    load=_load_yin,
)
