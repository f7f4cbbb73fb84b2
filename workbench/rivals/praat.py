"""Praat's autocorrelation method, through parselmouth: no network and no weights."""

import numpy as np

from workbench.rivals.rival import HIGHEST_HZ, LOWEST_HZ, Estimate, Floats, Rival, Tracker

_RATE_HZ, _HOP_S, _THRESHOLD = 44_100, 0.01, 0.45
_WINDOW_PERIODS = 3  # of the lowest pitch; Praat refuses a shorter sound


def _load() -> Tracker:
    import parselmouth

    def track(samples: Floats) -> Estimate:
        sound = parselmouth.Sound(np.asarray(samples, np.float64), _RATE_HZ)
        default = sound.to_pitch_ac(time_step=_HOP_S, pitch_floor=LOWEST_HZ, pitch_ceiling=HIGHEST_HZ)
        # Praat returns no pitch in unvoiced frames. With nothing to make a frame unvoiced it returns its best guess.
        guess = sound.to_pitch_ac(
            time_step=_HOP_S,
            pitch_floor=LOWEST_HZ,
            pitch_ceiling=HIGHEST_HZ,
            silence_threshold=0.0,
            voicing_threshold=0.0,
            voiced_unvoiced_cost=0.0,
        )
        hz = default.selected_array["frequency"]
        voiced = hz > 0
        guessed = guess.selected_array
        return Estimate(default.xs(), np.where(voiced, hz, guessed["frequency"]), voiced, guessed["strength"])

    return Tracker(track, shortest_s=_WINDOW_PERIODS / LOWEST_HZ)


PRAAT = Rival(
    name="praat",
    module="parselmouth",
    package="praat-parselmouth",
    licence="GPL-3.0-or-later",
    sample_rate_hz=_RATE_HZ,
    hop_samples=441,
    voicing="the strength of the autocorrelation peak; the default also compares it with silence, along a path",
    default_threshold=_THRESHOLD,
    lookahead="half of a window of three periods of the lowest pitch; a path through the whole clip",
    advice="nothing may be learned from data, for example in phonetics, and its licence (GPL) is acceptable",
    load=_load,
)
